import { environmentSchema } from '#config/environment-schema.ts';
import { settingDocs } from '#config/setting-kind.ts';

/** Every variable that is documented as a number, with its bounds. */
export const NUMBERS = Object.entries(environmentSchema.shape).flatMap(([name, schema]) => {
  const [, min, max] =
    /^an integer from (\d+) to (\d+)$/.exec(settingDocs.get(schema)?.allowed ?? '') ?? [];
  return min === undefined ? [] : [{ name, min: Number(min), max: Number(max) }];
});
