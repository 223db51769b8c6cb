/** A desk in a process of its own, as an operator runs it, with a moderator at its interface, and whoever it calls. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seal, sealKeysOf, type Team } from "@sotto/protocol";
import type { CaseView, Me, Moderator, Opening, QueueEntry, Session } from "../../../server/desk/api.js";
import { personKeyOf, signLogin, teamKeyContext } from "../../../server/desk/person-key.js";
import { desk as command } from "../../server/desk-shell/sotto-desk.js";
import { program } from "../../support/programs/program.js";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** The key that a relay must know a desk by. Makes the desk's data folder below `folder`. */
export async function deskKeyIn(folder: string): Promise<string> {
  const { out } = await command(folder, ["keys"]);
  const key = /SOTTO_DESK_KEY[= ]+([0-9a-f]{64})/.exec(out)?.[1];
  if (key === undefined) throw new Error(`no key in ${out}`);
  return key;
}

/** Somebody who is called of cases, and keeps every call. */
export class Hook {
  readonly calls: string[] = [];
  private constructor(private readonly server: Server) {}

  static async listen(): Promise<Hook> {
    const server = createServer((request, response) => {
      let body = JSON.stringify(request.headers);
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        hook.calls.push(body);
        response.end();
      });
    });
    const hook = new Hook(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return hook;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A running desk. */
export class DeskApart {
  private constructor(
    private readonly child: ChildProcess,
    /** Where its interface is. */
    readonly url: string,
    /** Everything it keeps lies below it. */
    readonly dataDir: string,
    private readonly invitation: string,
    private readonly output: { text: string },
  ) {}

  /** Starts the desk of a folder for a relay that knows its key. */
  static async start(folder: string, relay: string, hook: Hook): Promise<DeskApart> {
    const dataDir = join(folder, "data");
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SOTTO_"));
    const child = spawn(process.execPath, [...program("server/desk/main.ts"), "start"], {
      cwd: REPOSITORY,
      env: {
        ...Object.fromEntries(inherited),
        ...{ SOTTO_DESK_DATA_DIR: dataDir, SOTTO_DESK_RELAY: relay, SOTTO_DESK_PORT: "0" },
        ...{ SOTTO_DESK_WEBHOOK_URL: hook.url, SOTTO_DESK_WEBHOOK_SECRET: "a-secret-of-no-importance" },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { text: "" };
    const [, url = "", invitation = ""] = await new Promise<RegExpExecArray>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        output.text += chunk.toString();
        const found = /(http\S+)\/#invite=([0-9a-f]+)/.exec(output.text);
        if (found !== null) resolve(found);
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.once("close", () => reject(new Error(`the desk ended before it listened:\n${output.text}`)));
    });
    return new DeskApart(child, url, dataDir, invitation, output);
  }

  /** Its process id. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error("the desk never ran");
    return this.child.pid;
  }

  /** Everything it wrote, on both streams. */
  get log(): string {
    return this.output.text;
  }

  /** Whoever comes first, with a key of their own, who makes the keys of all teams. */
  moderator(): Promise<AtInterface> {
    return AtInterface.join(this.url, this.invitation);
  }

  /** Ends it as a service manager does, and waits. Idempotent. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, "close");
    this.child.kill("SIGTERM");
    await closed;
  }
}

/** A moderator who works through HTTP, and keeps everything that the desk answers. */
export class AtInterface {
  /** Every answer, as it came. */
  readonly answers: Buffer[] = [];
  /** Seeds of team keys, by the key's id. */
  readonly seeds = new Map<string, Uint8Array>();
  readonly secret = new Uint8Array(randomBytes(32));
  private token = "";

  private constructor(private readonly url: string) {}

  static async join(url: string, code: string): Promise<AtInterface> {
    const at = new AtInterface(url);
    const { signKey, box } = personKeyOf(at.secret);
    const keys = { signKey: base64(signKey), box: base64(box.publicKey), keeping: { kind: "file" } };
    const { id } = (await at.post("/api/redeem", { code, ...keys })) as Moderator;
    const { challenge } = (await at.post("/api/login/begin", { moderator: id })) as { challenge: string };
    const signature = base64(signLogin(at.secret, Buffer.from(challenge, "base64")));
    at.token = ((await at.post("/api/login/finish", { moderator: id, challenge, signature })) as Session).token;
    const { realm } = (await at.get("/api/state")) as { realm: string };
    for (const team of ((await at.get("/api/me")) as Me).lacking) await at.makeKey(realm, team, { id, box });
    return at;
  }

  /** The one case that is in the queue, once there is one. */
  async onlyCase(): Promise<CaseView | undefined> {
    const [entry] = (await this.get("/api/queue")) as readonly QueueEntry[];
    return entry === undefined ? undefined : ((await this.get(`/api/cases/${entry.id}`)) as CaseView);
  }

  /** Takes up a case and breaks the glass. */
  async open(id: string): Promise<Opening> {
    await this.post(`/api/cases/${id}/claim`, {});
    return (await this.post(`/api/cases/${id}/open`, { reason: "a scenario" })) as Opening;
  }

  async get(path: string): Promise<unknown> {
    return this.call(path, { headers: this.headers() });
  }

  async post(path: string, body: object): Promise<unknown> {
    const headers = { ...this.headers(), "content-type": "application/json" };
    return this.call(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  private headers(): Readonly<Record<string, string>> {
    return this.token === "" ? {} : { authorization: `Bearer ${this.token}` };
  }

  private async call(path: string, init: RequestInit): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`, init);
    const bytes = Buffer.from(await answer.arrayBuffer());
    this.answers.push(Buffer.from(JSON.stringify([...answer.headers])), bytes);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${bytes.toString()}`);
    const isJson = answer.headers.get("content-type")?.includes("json") === true;
    return isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : bytes;
  }

  private async makeKey(
    realm: string,
    team: Team,
    { id, box }: { readonly id: string; readonly box: { readonly publicKey: Uint8Array } },
  ): Promise<void> {
    const seed = new Uint8Array(randomBytes(32));
    const { publicKey } = sealKeysOf(seed);
    const context = teamKeyContext(realm, team, publicKey);
    const grants = [{ moderator: id, sealed: base64(seal(box.publicKey, context, seed)) }];
    const made = (await this.post("/api/team-keys", { team, publicKey: base64(publicKey), grants })) as {
      keyId: string;
    };
    this.seeds.set(made.keyId, seed);
  }
}
