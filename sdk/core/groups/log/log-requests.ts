/** What a group's log is asked at the relay, signed by the keys of an epoch and on the connection that names nobody. */

import {
  type ConversationId,
  type Frame,
  groupAppendText,
  groupCheckpointText,
  groupCreateText,
  groupReadText,
  groupSendText,
  type Sign,
  SottoError,
} from "@sotto/protocol";
import type { Relay } from "../../relay.js";
import {
  type AdminEpochSecret,
  accessPair,
  accessSigner,
  adminPair,
  type EpochSecret,
  type GroupCrypto,
} from "./group-keys.js";
import type { LogPage } from "./log-walk.js";

/** What asking works with. */
export interface LogRequestParts {
  readonly crypto: Pick<GroupCrypto, "deviceKeys">;
  readonly relay: {
    readonly anonymous: Pick<Relay["anonymous"], "request">;
    /** The relay's clock. */
    nowMs(): number;
  };
}

/** A page of a log, and whose key the relay took for it. */
export interface ReadPage {
  readonly page: LogPage;
  readonly epoch: number;
}

/** An entry to append, and what the relay needs to take it. */
export interface Appending {
  readonly group: ConversationId;
  readonly expectedSeq: number;
  readonly entry: Uint8Array;
  readonly secret: EpochSecret;
  /** The keys of the epoch it begins. */
  readonly next: { readonly accessKey: Uint8Array; readonly adminKey: Uint8Array } | undefined;
}

/** Asks. */
export class LogRequests {
  /** By an epoch's secret, while somebody holds that: every message to a group is signed. */
  private readonly signers = new WeakMap<Uint8Array, Sign>();

  constructor(private readonly parts: LogRequestParts) {}

  /**
   * The entries behind a number, with the newest of the secrets whose epoch the relay knows.
   *
   * @throws groupNotFound if it knows none of them; badRelay if the answer is no part of a log; offline and the like.
   */
  async read(group: ConversationId, after: number, secrets: readonly EpochSecret[]): Promise<ReadPage> {
    for (const secret of secrets) {
      try {
        return { page: await this.page(group, after, secret), epoch: secret.epoch };
      } catch (error) {
        if (!(error instanceof SottoError && error.code === "groupNotFound")) throw error;
      }
    }
    throw new SottoError("groupNotFound");
  }

  /** Appends an entry. @throws groupNotFound, groupLogFull, offline and the like. */
  append({ group, expectedSeq, entry, secret, next }: Appending): Promise<Frame<"groupAppended" | "groupMoved">> {
    const { crypto, relay } = this.parts;
    const pair =
      secret.adminSecret === undefined ? accessPair(crypto, secret.secret) : adminPair(crypto, secret.adminSecret);
    const text = groupAppendText({ group, expectedSeq, entry, next });
    const signature = crypto.deviceKeys.sign(pair.privateKey, text);
    return relay.anonymous.request({ type: "appendGroup", group, expectedSeq, entry, next, signature });
  }

  /** Begins a log. @throws groupExists, offline and the like. */
  create(group: ConversationId, entry: Uint8Array, secret: AdminEpochSecret): Promise<Frame<"groupAppended">> {
    const { crypto, relay } = this.parts;
    const access = accessPair(crypto, secret.secret);
    const admin = adminPair(crypto, secret.adminSecret);
    const [accessKey, adminKey] = [access.publicKey, admin.publicKey];
    const text = groupCreateText({ group, accessKey, adminKey, entry });
    const accessSignature = crypto.deviceKeys.sign(access.privateKey, text);
    const adminSignature = crypto.deviceKeys.sign(admin.privateKey, text);
    const frame = { group, accessKey, adminKey, entry, accessSignature, adminSignature };
    return relay.anonymous.request({ type: "createGroup", ...frame });
  }

  /** Leaves the state that a checkpoint entry names. @throws groupNotFound, offline and the like. */
  async leaveCheckpoint(
    group: ConversationId,
    { seq, body, adminSecret }: { readonly seq: number; readonly body: Uint8Array; readonly adminSecret: Uint8Array },
  ): Promise<void> {
    const { crypto, relay } = this.parts;
    const text = groupCheckpointText({ group, seq, body });
    const signature = crypto.deviceKeys.sign(adminPair(crypto, adminSecret).privateKey, text);
    await relay.anonymous.request({ type: "putCheckpoint", group, seq, body, signature });
  }

  /** What proves to the relay that a send to a group is a member's. */
  signSend(send: Parameters<typeof groupSendText>[0], { secret }: EpochSecret): Uint8Array {
    return this.signer(secret)(groupSendText(send));
  }

  private signer(secret: Uint8Array): Sign {
    const sign = this.signers.get(secret) ?? accessSigner(this.parts.crypto, secret);
    this.signers.set(secret, sign);
    return sign;
  }

  private async page(group: ConversationId, after: number, { secret }: EpochSecret): Promise<LogPage> {
    const { relay } = this.parts;
    const atMs = relay.nowMs();
    const signature = this.signer(secret)(groupReadText({ group, after, atMs }));
    const page = await relay.anonymous.request({ type: "readGroup", group, after, atMs, signature });
    assertPage(page, after);
    return page;
  }
}

/** Numbers rise and times do not fall, whatever is missing in between. */
function assertPage({ entries, head, checkpoint }: LogPage, after: number): void {
  let [seq, acceptedMs] = [after, 0];
  for (const entry of entries) {
    if (entry.seq <= seq || entry.seq > head || entry.acceptedMs < acceptedMs) throw bad("entries out of order");
    ({ seq, acceptedMs } = entry);
  }
  if (entries.length === 0 && head > after) throw bad("no entries though there are some");
  if (checkpoint !== undefined && (checkpoint.seq > head || checkpoint.seq < 1)) throw bad("a checkpoint of no entry");
}

function bad(detail: string): SottoError {
  return new SottoError("badRelay", { detail: `a group's log with ${detail}` });
}
