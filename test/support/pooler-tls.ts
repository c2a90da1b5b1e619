import { selfSigned } from './certificates.ts';
import type { TestFiles } from './certificates.ts';

/** Settings of a PgBouncer where TLS ends, on the way to a server that may have none; plain text is taken as well. */
export async function poolerTls(files: TestFiles): Promise<Readonly<Record<string, string>>> {
  const { cert, key } = await selfSigned({ commonName: 'pooler' });
  return {
    client_tls_sslmode: 'allow',
    client_tls_cert_file: files.write('pooler.crt', cert),
    client_tls_key_file: files.write('pooler.key', key),
  };
}
