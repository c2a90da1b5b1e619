/** The first version that knows everything that is asked for. */
export const OLDEST_MAJOR = 15;
/** The last one that the tests run on. */
export const NEWEST_MAJOR = 18;

/** Of a version as `server_version_num` has it: 180004 is of 18. */
export function majorOf(versionNumber: number): number {
  return Math.floor(versionNumber / 10_000);
}
