import { readFile, stat } from 'node:fs/promises';
import type { TlsSettings } from '#config/settings.ts';
import { certificateFault, keyFault, readCertificates } from '#config/tls-material.ts';
import { DatabaseError } from '#database/database-error.ts';

/** What a handshake needs, in PEM. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** When the first certificate of `cert` expires, in Unix time, milliseconds; undefined without one. */
  readonly certificateExpiresAt: number | undefined;
}

/** More than any bundle of authorities needs. */
const LARGEST_FILE = 1_048_576;

/**
 * Read for every connection: rotated files need no restart, and three small files cost less than the handshake.
 *
 * @throws DatabaseError `DB_TLS` naming the setting of a file that cannot be used, such as one that is half written
 */
export async function readTlsFiles(tls: TlsSettings, signal: AbortSignal): Promise<TlsMaterial> {
  const read = async (
    path: string | undefined,
    setting: string,
    judge: (text: string) => string | undefined,
  ): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    const text = await readText(path, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      const errno: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      throw unusable(setting, `names a file that cannot be read (${String(errno)})`);
    });
    const fault = judge(text);
    if (fault !== undefined) throw unusable(setting, fault);
    return text;
  };
  const ca = await read(tls.rootCertFile, 'DB_SSL_ROOT_CERT', certificateFault);
  const cert = await read(tls.certFile, 'DB_SSL_CERT', certificateFault);
  const key = await read(tls.keyFile, 'DB_SSL_KEY', (pem) => keyFault(pem, cert ?? ''));
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    certificateExpiresAt: readCertificates(cert ?? '')
      ?.at(0)
      ?.validToDate.getTime(),
  };
}

async function readText(path: string, signal: AbortSignal): Promise<string> {
  const status = await stat(path);
  if (!status.isFile() || status.size > LARGEST_FILE) {
    throw Object.assign(new Error('not a file of certificates'), { code: 'EFTYPE' });
  }
  return await readFile(path, { encoding: 'utf8', signal });
}

function unusable(setting: string, fault: string): DatabaseError {
  const parameter = setting.replace('DB_', '').replaceAll('_', '').toLowerCase();
  return new DatabaseError('DB_TLS', `${setting} (or ${parameter} in the URL) ${fault}`);
}
