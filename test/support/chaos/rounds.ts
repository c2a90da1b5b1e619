/** Set by `npm run test:chaos -- --full`. */
const isFull = process.env['CHAOS_FULL'] === '1';

const pick = (short: number, full: number): number => (isFull ? full : short);

/** How often each fault is made: the short form of every run, or the full one. */
export const rounds = {
  isFull,
  /** H1: servers killed. */
  kills: pick(10, 100),
  /** H2: connections cut. */
  cuts: pick(40, 400),
  /** H3: connections that fall into a black hole. */
  blackHoles: pick(2, 20),
  /** How long each of them lasts, unless the error takes longer. */
  blackHoleMs: pick(0, 10_000),
  /** H4: restarts of the server. */
  restarts: pick(3, 20),
  /** H5: stops of the service. */
  stops: pick(10, 100),
  /** H7: connections borrowed from a pool of each size. */
  borrows: pick(500, 10_000),
  /** H8: races of each kind. */
  races: pick(500, 10_000),
  /** H9: passwords rotated. */
  rotations: 10,
  /** H12: requests that carry an id. */
  requests: pick(5000, 100_000),
  /** F31: how often PgBouncer and the server behind it end. */
  poolerFaults: pick(1, 20),
  /** H16: how often the collector becomes everything it may become. */
  collectorFaults: pick(2, 30),
  /** F43: rows of a report. */
  reportRows: pick(400_000, 1_000_000),
  /** How long the server is away under load. */
  awayMs: pick(3000, 10_000),
  /** How long a server works, whose CPU is compared with what the kernel counts. */
  hostLoadMs: pick(1000, 30_000),
  /** Sessions that begin and end while it is read. */
  shortSessions: pick(150, 1000),
  /** F21: times that the borrowers come and go. */
  overflowCycles: 10,
} as const;
