/**
 * How long other servers took to drain an offline mailbox of 10,000, for the eye beside ours. Measured once, while Sotto was
 * designed, with another generator of the same workload on another quiet four-core machine: an order of magnitude, no ratio.
 */
export const peerDrains = [
  { peer: "mosquitto 2.0, QoS 1", seconds: 0.09, durable: "no: periodic snapshot" },
  { peer: "nats-server 2.9 JetStream", seconds: 0.1, durable: "no: page cache" },
  { peer: "minimal relay, sync", seconds: 0.12, durable: "yes, fsync" },
  { peer: "minimal relay, no sync", seconds: 0.15, durable: "page cache" },
  { peer: "ejabberd 23.01", seconds: 0.77, durable: "online mail is not stored" },
  { peer: "prosody 0.12", seconds: 1.7, durable: "online mail is not stored" },
] as const;
