import { encodeFrame, decodeFrame } from "@sotto/protocol";
import { TestRelay } from "./test-relay.js";
import { until } from "./turns.js";
const relay = await TestRelay.start({ policy: { limiterScale: 1e6 } });
const devices: any[] = [];
for (let i = 0; i < 1500; i++) { const p = await relay.person("u" + i); p.client.hangUp(); devices.push(p.device); }
(globalThis as any).gc(); 
const before = process.memoryUsage();
const all: any[] = [];
let welcomes = 0;
class Raw { bufferedBytes = 0; remoteAddress = "192.0.2.1"; handler: any; device: any; constructor(d: any) { this.device = d; } send(m: Uint8Array) { if (m[1] === 1) { const c: any = decodeFrame(m, "toClient"); const f = encodeFrame(this.device.authentication(c)); const d = this.device; setImmediate(() => this.handler.message(f)); } else if (m[1] === 45) { welcomes++; this.device = undefined; } } cork(f: any) { f(); } close(c: number) { console.log("close", c); } }
for (const d of devices) { const r = new Raw(d); r.handler = relay.relay.connected(r as any); all.push(r); }
await until(() => welcomes === devices.length, () => "welcomes " + welcomes);
(globalThis as any).gc();
const after = process.memoryUsage();
console.log("heap per connection", (after.heapUsed - before.heapUsed) / devices.length, "ext", (after.arrayBuffers - before.arrayBuffers) / devices.length, all.length);
process.exit(0);
