import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/** How the requests of all clients ended. */
export interface Tally {
  answered: number;
  /** Nobody listens any more: how a client learns of an orderly end. */
  refused: number;
  /** The connection broke with a request on it. */
  reset: number;
}

const { port, clients } = workerData as { port: number; clients: number }; // adapter: set by drain.test.ts
const tally: Tally = { answered: 0, refused: 0, reset: 0 };

await Promise.all(Array.from({ length: clients }, askUntilNobodyListens));
parentPort?.postMessage(tally, []);

async function askUntilNobodyListens(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let end: keyof Tally = 'answered';
  while (end !== 'refused') {
    end = await ask(agent);
    tally[end] += 1;
  }
  agent.destroy();
}

function ask(agent: Agent): Promise<keyof Tally> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path: '/work', agent });
    asked.on('response', (response) => {
      response.on('error', () => {
        resolve('reset');
      });
      response.resume().on('end', () => {
        resolve('answered');
      });
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'reset');
    });
    asked.end();
  });
}
