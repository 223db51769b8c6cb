import { portableTransport } from "../../../server/transport/index.js";
import { describeTransport } from "../../contract/transport/describe-transport.js";

describeTransport("node:http and ws", portableTransport);
