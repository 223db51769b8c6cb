import { libsignalEngine } from "../../../sdk/engine/libsignal.js";
import { describeEngine } from "./describe-engine.js";

describeEngine("libsignal", libsignalEngine);
