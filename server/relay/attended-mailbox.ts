/** The mailbox of a device that is connected: its mail goes out on the connection, and what happens to it is told there. */

import type { FrameToClient } from "@sotto/protocol";
import type { Notice } from "../ports.js";
import type { Admission } from "./admission.js";
import { DeviceNews } from "./device-news.js";
import { MailboxStream, type Outlet } from "./mailbox-stream.js";
import type { DeviceIdentity, Rules } from "./rules.js";

/** The connection, as its mailbox sees it. */
export interface Attending extends Outlet {
  answer(frame: FrameToClient): void;
}

/** What a device is told while it is connected; the rest ends the connection. */
export type DeviceNotice = Exclude<Notice, { readonly kind: "displaced" | "revoked" }>;

/** Made at the device's welcome; mail goes out once its stream is started. */
export class AttendedMailbox {
  readonly device: DeviceIdentity;
  readonly stream: MailboxStream;
  private readonly attachment: Admission["attachment"];
  private readonly news: DeviceNews;

  constructor(
    rules: Rules,
    { device, attachment }: Admission,
    private readonly connection: Attending,
  ) {
    this.device = device;
    this.attachment = attachment;
    this.stream = new MailboxStream(rules, device, connection);
    this.news = new DeviceNews(rules, device.account, (frame) => connection.answer(frame));
  }

  /** Tells the device what happened. */
  notice(notice: DeviceNotice): void {
    const { connection, stream, news } = this;
    switch (notice.kind) {
      case "mail":
        stream.mail(notice.envelope);
        break;
      case "ephemeral": {
        const { messageId, acceptedMs, body } = notice;
        if (!connection.isCongested()) connection.answer({ type: "deliver", cursor: 0, messageId, acceptedMs, body });
        break;
      }
      case "keysLow":
        connection.answer({ type: "keysLow", oneTimeCount: notice.oneTimeCount, kyberCount: notice.kyberCount });
        break;
      case "mailboxFull":
        connection.answer({ type: "mailboxFull" });
        break;
      case "devicesChanged":
        news.changed();
        break;
      case "deviceLimit":
        connection.answer({ type: "deviceLimit" });
        break;
      case "deskNotes":
        connection.answer({ type: "deskNews", news: "notes" });
        break;
      case "realmChanged":
        connection.answer({ type: "deskNews", news: "realm" });
        break;
    }
  }

  /** Gives the mailbox up. Idempotent. */
  leave(): void {
    this.stream.stop();
    this.attachment.detach();
  }
}
