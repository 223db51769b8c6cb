/** Account documents as the rules use them: fresh from the store, or a lean copy from memory for the sending path. */

import { type AccountId, type DeviceId, SottoError } from "@sotto/protocol";
import type { Directory, MailboxId } from "../ports.js";
import { type AccountDocument, absentAccount, decodeAccount, encodeAccount, mailboxOf } from "./account.js";
import { Recent } from "./recent.js";

/** What the sending path needs of an account. Holds no prekeys, so that remembering it costs little. */
export interface Recipient {
  readonly account: AccountId;
  /** The revision it was read at; a send is guarded by it, so a stale copy can never store anything. */
  readonly revision: number;
  readonly devices: readonly RecipientDevice[];
  readonly deliveryKeyHash: Uint8Array;
  /** Hashes of delivery keys that were replaced, the latest first. */
  readonly formerKeyHashes: readonly Uint8Array[];
  readonly firstContact: AccountDocument["firstContact"];
  readonly blocked: ReadonlySet<AccountId>;
}

/** One device of a recipient. */
export interface RecipientDevice {
  readonly device: DeviceId;
  readonly registrationId: number;
  readonly mailbox: MailboxId;
}

/** A document and the revision it was read at or written as. */
export interface LoadedAccount {
  readonly revision: number;
  readonly document: AccountDocument;
}

/** Devices, former keys and refused accounts remembered in all; some 20 MB at most. */
const REMEMBERED = 100_000;

/** How often a change is tried against others of the same account. */
const ATTEMPTS = 8;

/** Accounts with mailboxes to drop that are remembered until the next sweep. */
const MAX_NOTED = 10_000;

const NOBODY: ReadonlySet<AccountId> = new Set();

/** Reads and changes account documents. */
export class Accounts {
  private readonly recent = new Recent<AccountId, Recipient>(
    REMEMBERED,
    ({ devices, formerKeyHashes, blocked }) => 1 + devices.length + formerKeyHashes.length + blocked.size,
  );
  /** Accounts seen with mailboxes to drop. */
  private readonly noted = new Set<AccountId>();

  constructor(private readonly directory: Directory) {}

  /** The account as remembered, possibly stale. */
  remembered(account: AccountId): Recipient | undefined {
    return this.recent.get(account);
  }

  /** The account as it is now, remembered from here on; `undefined` if there is none. */
  async recipient(account: AccountId): Promise<Recipient | undefined> {
    const loaded = await this.load(account);
    return loaded === undefined ? undefined : this.remember(account, loaded);
  }

  /** The document as it is now; `undefined` if there is none. */
  async load(account: AccountId): Promise<LoadedAccount | undefined> {
    const stored = await this.directory.account(account);
    const document = decodeAccount(stored?.document ?? absentAccount);
    if (stored === undefined) {
      this.recent.delete(account);
      return undefined;
    }
    if (document.retired.length > 0 && this.noted.size < MAX_NOTED) this.noted.add(account);
    return { revision: stored.revision, document };
  }

  /** Writes a document over the revision given (`undefined`: there is none yet); false if somebody else was first. */
  async replace(account: AccountId, revision: number | undefined, document: AccountDocument): Promise<boolean> {
    const written = await this.directory.compareAndSet(account, revision, encodeAccount(document));
    if (!written.won || written.revision === undefined) {
      this.recent.delete(account);
      return false;
    }
    if (this.recent.get(account) !== undefined) this.remember(account, { revision: written.revision, document });
    return true;
  }

  /**
   * Edits a document against concurrent editors; `edit` may be called several times and answers `undefined` for "no change".
   *
   * @returns the document as it then is, or `undefined` if there is no such account.
   * @throws busy if others keep winning.
   */
  async change(
    account: AccountId,
    edit: (document: AccountDocument) => AccountDocument | undefined,
  ): Promise<AccountDocument | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const loaded = await this.load(account);
      if (loaded === undefined) return undefined;
      const edited = edit(loaded.document);
      if (edited === undefined) return loaded.document;
      if (await this.replace(account, loaded.revision, edited)) return edited;
    }
    throw new SottoError("busy", { detail: "an account changes too often" });
  }

  /** The accounts seen with mailboxes to drop since the last call. */
  takeNoted(): readonly AccountId[] {
    const accounts = [...this.noted];
    this.noted.clear();
    return accounts;
  }

  private remember(account: AccountId, { revision, document }: LoadedAccount): Recipient {
    const recipient: Recipient = {
      account,
      revision,
      devices: document.devices.map(({ device, registrationId }) => ({
        device,
        registrationId,
        mailbox: mailboxOf(account, { device, registrationId }),
      })),
      deliveryKeyHash: document.deliveryKeyHash.slice(),
      formerKeyHashes: document.formerKeyHashes.map((hash) => hash.slice()),
      firstContact: document.firstContact,
      blocked: document.blocked.length === 0 ? NOBODY : new Set(document.blocked),
    };
    this.recent.set(account, recipient);
    return recipient;
  }
}
