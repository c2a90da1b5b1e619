/**
 * Series that labels of requests and statements may add, first come, first served. All metrics together may have 5,000
 * with three pools. About 970 are fixed, and 434 are for what comes too late: 14 × 21 statuses and 38 for requests,
 * 3 pools × 2 × 17 for statements. series-budget.test.ts counts them.
 */
const SPARE_SERIES = 3500;

/** What is left of the series that a service may have. One pot: what nobody sends leaves room for what fails. */
export class SeriesBudget {
  #left = SPARE_SERIES;

  /** Takes that many, all or none. */
  take(series: number): boolean {
    if (series > this.#left) {
      return false;
    }
    this.#left -= series;
    return true;
  }
}
