import { Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** One way through a network: what comes in goes out `latencyMs` later, in its order, until something is cut. */
export function networkWay(isCut: (chunk: Buffer) => boolean, latencyMs: () => number): Transform {
  let underway: Promise<void> | undefined;
  const way = new Transform({
    transform: (chunk: Buffer, _encoding, next) => {
      if (isCut(chunk)) return;
      if (latencyMs() === 0 && underway === undefined) {
        next(null, chunk);
        return;
      }
      // Whatever the latency becomes, nothing overtakes what is under way.
      const arrived = Promise.all([underway, delay(latencyMs())]).then(() => {
        way.push(chunk);
        if (underway === arrived) underway = undefined;
      });
      underway = arrived;
      next();
    },
    flush: (finish) => void (underway ?? Promise.resolve()).then(() => finish()),
  });
  return way;
}
