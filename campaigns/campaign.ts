/** What a campaign is. */

/** What every campaign can be told; each has its own defaults. */
export interface CampaignOptions {
  readonly rounds: number | undefined;
  readonly messages: number | undefined;
  readonly seed: number | undefined;
  readonly transfers: number | undefined;
  readonly largestBytes: number | undefined;
  readonly oneBytes: number | undefined;
}

/** A long check. `run` prints what it does, ends with its verdict as the last line, and answers it. */
export interface Campaign {
  readonly summary: string;
  run(options: CampaignOptions): Promise<"passed" | "failed">;
}
