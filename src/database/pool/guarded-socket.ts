import { Socket } from 'node:net';
import { DatabaseError } from '#database/database-error.ts';

/**
 * The socket of a connection. pg reads messages in a listener of `data` and throws there for those it cannot read (an
 * unknown kind of login, a field longer than a string can be), which would end the process: here it ends the connection.
 */
export function guardedSocket(): Socket {
  return guardSocket(new Socket());
}

/** Has a socket end when a listener of its `data` throws. */
export function guardSocket<S extends Socket>(socket: S): S {
  const emit = socket.emit.bind(socket);
  Reflect.set(socket, 'emit', (...event: Parameters<typeof emit>): boolean => {
    try {
      return emit(...event);
    } catch (error) {
      const [name]: readonly unknown[] = event;
      if (name !== 'data') {
        throw error;
      }
      socket.destroy(unreadable(error));
      return true;
    }
  });
  return socket;
}

function unreadable(cause: unknown): DatabaseError {
  const message = 'the server sent what the driver cannot read';
  return new DatabaseError('DB_CONNECTION_LOST', message, {}, { cause });
}
