/** Linking as two people in front of two screens do it: scan, read the digits, type them. */

import { type Client, type ClientOptions, linkDevice, type Platform } from "@sotto/sdk";

/** Links a new device from `donor`; `history` says whether it gets what the donor has. */
export async function linkFrom(
  donor: Client,
  history: "none" | "all",
  { platform, options }: { readonly platform: Platform; readonly options: Pick<ClientOptions, "store" | "userId"> },
): Promise<Client> {
  const link = await donor.devices.createLink({ history });
  let show: (code: string) => void = () => undefined;
  const shown = new Promise<string>((resolve) => {
    show = resolve;
  });
  const arriving = linkDevice(platform, link.uri, {
    ...options,
    confirm: (code) => {
      show(code);
      return true;
    },
  });
  // Whichever side fails first says why.
  const typing = (async () => {
    await link.joined;
    await link.confirm(await shown);
  })();
  const [client] = await Promise.all([arriving, typing]);
  return client;
}
