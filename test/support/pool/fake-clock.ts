import type { Clock, Timer } from '#database/pool/clock.ts';

interface Due {
  readonly at: number;
  readonly work: () => void;
  readonly isArrival: boolean;
}

const MAX_TURNS = 1000;

/**
 * Time that passes only when a test says so. A turn is one of Node's event loop: the timers that are due, then what has
 * arrived from the network, then what `afterIo` was asked for; promises settle after each of them.
 */
export class FakeClock implements Clock {
  #now = 0;
  #stalledMs = 0;
  // In order of time, then of asking.
  readonly #due: Due[] = [];
  #afterIo: (() => void)[] = [];
  readonly #passed: ((ms: number) => void)[] = [];

  now(): number {
    return this.#now;
  }

  /** Timers that have been started, not stopped, and not run. */
  get timers(): number {
    return this.#due.filter(({ isArrival }) => !isArrival).length;
  }

  /** How long the event loop has been blocked in all. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  start(work: () => void, ms: number): Timer {
    return this.#add(work, ms, false);
  }

  afterIo(work: () => void): void {
    this.#afterIo.push(work);
  }

  /** Something arrives from the network after these milliseconds: it is handled after the timers of that turn. */
  arrive(work: () => void, ms: number): Timer {
    return this.#add(work, ms, true);
  }

  /** Told each time before time moves, by how much. */
  onPass(listener: (ms: number) => void): void {
    this.#passed.push(listener);
  }

  /** Lets this much time pass on an event loop that is never late. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.tick();
    for (let [next] = this.#due; next !== undefined && next.at <= until; [next] = this.#due) {
      this.#pass(next.at);
      await this.tick();
    }
    this.#pass(until);
  }

  /** Blocks the event loop for this long: afterwards all timers that are due run before anything that arrived is read. */
  async stall(ms: number): Promise<void> {
    await this.tick();
    this.#pass(this.#now + ms);
    this.#stalledMs += ms;
    await this.tick();
  }

  /** Handles what is due now, without time passing. */
  async tick(): Promise<void> {
    await settled();
    let turns = 0;
    while (this.#afterIo.length > 0 || this.#isDue(this.#due[0])) {
      await this.#turn();
      turns += 1;
      if (turns > MAX_TURNS) {
        throw new Error('there is always something to do without time passing');
      }
    }
  }

  #add(work: () => void, ms: number, isArrival: boolean): Timer {
    const due: Due = { at: this.#now + ms, work, isArrival };
    const after = this.#due.findLastIndex(({ at }) => at <= due.at);
    this.#due.splice(after + 1, 0, due);
    return { stop: () => this.#remove(due) };
  }

  #remove(due: Due): void {
    const at = this.#due.indexOf(due);
    if (at >= 0) {
      this.#due.splice(at, 1);
    }
  }

  #isDue(due: Due | undefined): due is Due {
    return due !== undefined && due.at <= this.#now;
  }

  #pass(until: number): void {
    for (const listener of this.#passed) {
      listener(until - this.#now);
    }
    this.#now = until;
  }

  async #turn(): Promise<void> {
    await this.#run((due) => !due.isArrival);
    await this.#run((due) => due.isArrival);
    const works = this.#afterIo;
    this.#afterIo = [];
    for (const work of works) {
      work();
      await settled();
    }
  }

  async #run(isOfPhase: (due: Due) => boolean): Promise<void> {
    // What is started meanwhile is of the next turn; what is stopped meanwhile is not run.
    const works = this.#due.filter((due) => this.#isDue(due) && isOfPhase(due));
    for (const due of works) {
      if (this.#due.includes(due)) {
        this.#remove(due);
        due.work();
        await settled();
      }
    }
  }
}

/** Resolves once every promise that can settle by itself has done so. */
async function settled(): Promise<void> {
  // From here on this is a microtask, and Node runs what is asked for the next tick once there are no more of these.
  await Promise.resolve();
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
}
