import Cursor from 'pg-cursor';
import { toSentValue } from './to-parameter.ts';

/** The cursor of streams. It refuses what cannot be sent, of which pg-cursor makes null or `{}`. */
export class BoundCursor<R> extends Cursor<R> {
  constructor(text: string, values: readonly unknown[]) {
    super(text, values.map(toSentValue));
  }
}
