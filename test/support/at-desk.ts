/** Moderators at the desk of a scenario's relay: each with a key of their own, and what they see, claim, open and do. */

import { randomBytes } from "node:crypto";
import {
  teams as allTeams,
  decodeHeadLayer,
  decodeWordsLayer,
  fromHex,
  type HeadLayer,
  headLayerHash,
  layerContext,
  parseAccountId,
  type Realm,
  seal,
  sealKeysOf,
  type Team,
  toHex,
  unseal,
  type WordsLayer,
} from "@sotto/protocol";
import type { CaseReport, CaseView, Moderator } from "../../server/desk/api.js";
import type { Desk } from "../../server/desk/index.js";
import { type PersonKey, personKeyOf, teamKeyContext } from "../../server/desk/person-key.js";
import { until } from "./group-people.js";
import type { World } from "./world.js";

/** A report as a moderator reads it. */
export interface ReadReport {
  readonly id: string;
  readonly heads: HeadLayer;
  readonly words: WordsLayer;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

/** The desk in a development relay, as its console and its operator use it. */
function serviceOf(world: World): Desk {
  const desk = world.running.desk;
  if (desk === undefined) throw new Error("there is no desk in this relay");
  return desk.service as Desk;
}

/** Somebody who works at the desk. */
export class AtDesk {
  private constructor(
    private readonly world: World,
    readonly service: Desk,
    readonly by: Moderator,
    readonly realm: Realm,
    /** Seeds of team keys, by the key's id in hex. */
    private readonly seeds: Map<string, Uint8Array>,
  ) {}

  /** Somebody new, who makes the keys of teams that have none; resolves once the relay's users can report to them. */
  static async join(world: World, teams: readonly Team[] = allTeams, first?: AtDesk): Promise<AtDesk> {
    const service = serviceOf(world);
    const invitation = { name: `mod ${randomBytes(3).toString("hex")}`, role: "lead", teams } as const;
    const { code } = await (first === undefined
      ? service.inviteByOperator(invitation)
      : service.invite(first.by, invitation));
    const key = personKeyOf(new Uint8Array(randomBytes(32)));
    const redeeming = {
      code,
      signKey: base64(key.signKey),
      box: base64(key.box.publicKey),
      keeping: { kind: "file" },
    } as const;
    const by = await service.redeem(redeeming);
    const realm = fromHex((await service.state()).realm);
    const joined = new AtDesk(world, service, by, realm, first?.seeds ?? new Map());
    await joined.makeKeys(key);
    return joined;
  }

  /** The same person, after the relay and its desk were started again. */
  after(): AtDesk {
    return new AtDesk(this.world, serviceOf(this.world), this.by, this.realm, this.seeds);
  }

  /** The case that a report is in, once triage looked at it. */
  async caseWith(report: string): Promise<CaseView> {
    let found: CaseView | undefined;
    await until(async () => {
      for (const { id } of await this.service.queue(this.by)) {
        const view = await this.service.case(this.by, id);
        if (view.reports.some((one) => one.report === report)) found = view;
      }
      return found !== undefined;
    }, `the case of report ${report}`);
    return found as CaseView;
  }

  /** What triage found of a report's messages, in their order. */
  async verdictsOn(report: string): Promise<readonly string[]> {
    return (await this.reportAt(report)).items.map(({ verdict }) => verdict);
  }

  /** A report as triage sees it. */
  async reportAt(report: string): Promise<CaseReport> {
    const { reports } = await this.caseWith(report);
    return reports.find((one) => one.report === report) as CaseReport;
  }

  /** Claims the case of a report, breaks the glass and reads that report. */
  async read(report: string): Promise<ReadReport> {
    const { id, claimedBy } = await this.caseWith(report);
    if (claimedBy === undefined) await this.service.claim(this.by, id);
    const opening = await this.service.open(this.by, id, "a scenario");
    await this.service.closeOpening(this.by, opening.opening);
    const found = opening.reports.find((one) => one.report === report);
    if (found === undefined) throw new Error("the case does not hold that report");
    const heads = bytesOf(found.heads);
    const seed = this.seeds.get(found.teamKey);
    if (seed === undefined) throw new Error("this moderator holds no key for the report");
    const named = { id: fromHex(report), reporter: parseAccountId(found.reporter), layer: "words" } as const;
    const context = layerContext(this.realm, { ...named, headHash: headLayerHash(heads) });
    const words = unseal(sealKeysOf(seed).secretKey, context, bytesOf(found.words));
    if (words === undefined) throw new Error("the words do not open");
    return { id: report, heads: decodeHeadLayer(heads), words: decodeWordsLayer(words) };
  }

  private async makeKeys({ box }: PersonKey): Promise<void> {
    const { lacking } = await this.service.me(this.by);
    for (const team of lacking) {
      const seed = new Uint8Array(randomBytes(32));
      const { publicKey } = sealKeysOf(seed);
      const sealed = base64(seal(box.publicKey, teamKeyContext(toHex(this.realm), team, publicKey), seed));
      const grants = [{ moderator: this.by.id, sealed }];
      const { keyId } = await this.service.newTeamKey(this.by, { team, publicKey: base64(publicKey), grants });
      this.seeds.set(keyId, seed);
    }
    if (lacking.length > 0) await this.world.running.desk?.sweep();
  }
}
