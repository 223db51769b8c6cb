/** Places on earth, in degrees for apps and as whole millionths in contents. */

import { type ContentBodyOf, SottoError } from "@sotto/protocol";

/** A place on earth, by its sender's word. */
export interface Location {
  /** Degrees north; from -90 to 90. To a millionth, which is some ten centimetres. */
  readonly latitude: number;
  /** Degrees east; from -180 to 180. */
  readonly longitude: number;
  /** How far from there it may be. */
  readonly accuracyMeters?: number | undefined;
  /** What the place is called. */
  readonly label?: string | undefined;
}

const MILLION = 1_000_000;
const MAX_ACCURACY_METERS = 40_000_000;

/**
 * The fields of a content for a place.
 *
 * @throws invalidArgument for what is no place on earth.
 */
export function locationBody({ latitude, longitude, accuracyMeters, label }: Location): ContentBodyOf<"location"> {
  const isPlace = isWithin(latitude, 90) && isWithin(longitude, 180);
  if (!isPlace) throw wrong("a location has a latitude from -90 to 90 and a longitude from -180 to 180, in degrees");
  const isDistance =
    accuracyMeters === undefined || (isWithin(accuracyMeters, MAX_ACCURACY_METERS) && accuracyMeters >= 0);
  if (!isDistance) throw wrong(`the accuracy of a location is from 0 to ${MAX_ACCURACY_METERS} meters`);
  return {
    latitude: Math.round((latitude + 90) * MILLION),
    longitude: Math.round((longitude + 180) * MILLION),
    accuracyMeters: accuracyMeters === undefined ? undefined : Math.ceil(accuracyMeters),
    label,
  };
}

/** The place that a content names. */
export function locationIn({ latitude, longitude, accuracyMeters, label }: ContentBodyOf<"location">): Location {
  return {
    latitude: (latitude - 90 * MILLION) / MILLION,
    longitude: (longitude - 180 * MILLION) / MILLION,
    accuracyMeters,
    label,
  };
}

function isWithin(value: number, most: number): boolean {
  return Number.isFinite(value) && Math.abs(value) <= most;
}

function wrong(detail: string): SottoError {
  return new SottoError("invalidArgument", { detail });
}
