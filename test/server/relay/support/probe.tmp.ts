import { encodeFrame, parseDeviceId } from "@sotto/protocol";
import { TestRelay, sealedTo, envelopeFor, POLICY } from "./test-relay.js";
import { ManualClock } from "./manual-clock.js";
import { localBus } from "../../../../server/store/index.js";
const mode = process.argv[2] ?? "rules";
class RealClock extends ManualClock { override now(){return Date.now();} override monotonic(){return performance.now();} }
const clock = new RealClock();
const relay = await TestRelay.start({ clock, policy: { limiterScale: 1e6 } });
const N = 100, DEPTH = 8, TOTAL = 100_000;
const inner = relay.store.mail.append;
let batch: (() => void)[] = [];
const cursors = new Map<string, number>();
if (mode === "rules") {
  const mail = relay.store.mail as any;
  mail.append = (req: any, assigned: any) => {
    const c = req.rows.map((r: any) => { const n = (cursors.get(r.mailbox) ?? 0) + 1; cursors.set(r.mailbox, n); return n; });
    assigned(c);
    return new Promise((res) => { batch.push(() => res({ kind: "stored", cursors: c })); if (batch.length === 1) setImmediate(() => { const b = batch; batch = []; for (const f of b) f(); }); });
  };
  mail.acknowledge = () => Promise.resolve();
}
const body = new Uint8Array(1024);
class Raw { bufferedBytes = 0; remoteAddress = "192.0.2.1"; handler: any; onFrame = (_: Uint8Array) => {}; send(m: Uint8Array) { this.onFrame(m); } cork(f: () => void) { f(); } close() { console.log("closed!"); } }
const pairs: any[] = [];
for (let i = 0; i < N; i++) {
  const p = await relay.person("u" + i);
  const s: any = await relay.anonymous();
  pairs.push({ p, s });
}
let done = 0, started = 0, n = 0;
let finish: any; const finished = new Promise((r) => (finish = r));
const ready: any[] = [];
for (const pair of pairs) { pair.q = []; pair.i = 0; pair.acks = []; for (let k = 0; k < TOTAL / N; k++) { pair.q.push(make(pair)); pair.acks.push(encodeFrame({ type: "acknowledge", upTo: k + 1, also: [] })); } }
function one(pair: any) { const f = pair.q[pair.i++]; if (f) inbox.push([pair.s, f]); }
function make(pair: any) {
  const id = new Uint8Array(16); new DataView(id.buffer).setUint32(0, ++n);
  const f = encodeFrame({ type: "send", id: n & 0xffff, messageId: id, storage: "stored", urgency: "normal", recipients: [{ ...sealedTo(pair.p.device), envelopes: [envelopeFor(pair.p.device, body)] }] } as any);
  return f;
}
let inbox: any[] = [];
for (const pair of pairs) {
  let cursor = 0;
  pair.p.client.send = (m: Uint8Array) => { if (m[1] === 43) { cursor++; inbox.push([pair.p.client, pair.acks[cursor - 1]]); pair.d = (pair.d ?? 0) + 1; } };
  pair.s.send = (m: Uint8Array) => { if (m[1] !== 41) console.log("?", m[1]); done++; one(pair); if (done === TOTAL) finish(); };
  pair.s.cork = (f: any) => f(); pair.p.client.cork = (f: any) => f();
}
// inbox pump: a turn handles all
(function pump() { const b = inbox; inbox = []; for (const [c, f] of b) c.raw(f); if (done < TOTAL) setImmediate(pump); })();

{ const { decodeFrame, hashDeliveryKey } = await import("@sotto/protocol"); const a = encodeFrame({ type: "acknowledge", upTo: 5, also: [] });
for (let r = 0; r < 0; r++) { const c0 = process.cpuUsage(); let x = 0; const K = 100000;
 for (let k = 0; k < K; k++) { const pair = pairs[k % N]; const f: any = decodeFrame(pair.q[(k / N) | 0], "toRelay"); x += hashDeliveryKey(f.recipients[0].deliveryKey)[0]!; x += encodeFrame({ type: "deliver", cursor: k, messageId: f.messageId, acceptedMs: 1700000000000, body: f.recipients[0].envelopes[0].body }).length; x += encodeFrame({ type: "accepted", id: f.id, acceptedMs: 1700000000000 }).length; decodeFrame(a, "toRelay"); }
 const c = process.cpuUsage(c0); console.log("codec+hash only us", (c.user + c.system) / K); } }
const c0 = process.cpuUsage(); const t0 = performance.now();
for (const pair of pairs) for (let d = 0; d < DEPTH; d++) one(pair);
await finished;
const c = process.cpuUsage(c0);
console.log(mode, "us cpu/msg", (c.user + c.system) / TOTAL, "wall", ((performance.now() - t0) * 1000) / TOTAL, relay.bugs.length);
process.exit(0);
