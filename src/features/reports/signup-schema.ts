import { z } from 'zod';

/** How long the periods of a report are. */
export const INTERVALS = ['day', 'week', 'month'] as const;

export type Interval = (typeof INTERVALS)[number];

// As RFC 3339 writes them; what is stored has milliseconds, so more would promise what is not looked at.
const MOMENT =
  /^\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,3})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;
const MESSAGE =
  'must be a date (2026-01-31, its midnight in UTC) or a date-time with its offset (2026-01-31T09:30:00Z), from the year 1 to 9999';

const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

function moment(description: string) {
  return z
    .string()
    .transform((text, context) => {
      const at = momentOf(text);
      if (at !== undefined) return at;
      context.addIssue({ code: 'custom', message: MESSAGE });
      return z.NEVER;
    })
    .optional()
    .meta({ description, examples: ['2026-01-31', '2026-01-31T09:30:00Z'] });
}

/** JavaScript takes 31 June for 1 July: such a day is none. */
function momentOf(text: string): Date | undefined {
  const day = text.slice(0, 10);
  if (!MOMENT.test(text) || !z.iso.date().safeParse(day).success) return undefined;
  const at = Date.parse(text);
  return at >= FIRST && at <= LAST ? new Date(at) : undefined;
}

/** Query of the report of sign-ups. */
export const signupQuery = z.strictObject({
  from: moment(
    'The first moment. Absent: 30 days, 12 weeks or 12 months are answered, that of `to` the last.',
  ),
  to: moment('The first moment after the range. Absent: now.'),
  interval: z
    .enum(INTERVALS, `must be one of ${INTERVALS.join(', ')}`)
    .default('day')
    .meta({ description: 'Days, weeks (from Monday) or months, all in UTC.' }),
});

/** The report as the API shows it. */
export const signupReportSchema = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    interval: z.enum(INTERVALS),
    items: z.array(
      z.object({
        start: z.iso.date().meta({ description: 'First day of the period.' }),
        signups: z.int().min(0).meta({ description: 'Users created in the period and the range.' }),
      }),
    ),
  })
  .meta({
    id: 'SignupReport',
    example: {
      from: '2026-01-01T00:00:00.000Z',
      to: '2026-01-03T00:00:00.000Z',
      interval: 'day',
      items: [
        { start: '2026-01-01', signups: 12 },
        { start: '2026-01-02', signups: 0 },
      ],
    },
  });

export type SignupQuery = z.output<typeof signupQuery>;
