/** What looks into media on Node: sharp and audio-decode, each loaded when it is first needed. */

import type { MediaTools } from "../core/ports.js";
import { prepareImage } from "./images.js";
import { measureSound } from "./sounds.js";

/** The media tools of `@sotto/sdk/node`. Both libraries are optional peers of the SDK. */
export const mediaTools: MediaTools = { image: prepareImage, sound: measureSound };
