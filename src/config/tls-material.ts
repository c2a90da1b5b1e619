import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of a text in PEM, in its order; undefined when it holds none, or one that cannot be read. */
export function readCertificates(pem: string): readonly X509Certificate[] | undefined {
  try {
    const found = pem.match(CERTIFICATE)?.map((block) => new X509Certificate(block));
    return found?.length === pem.split('-----BEGIN CERTIFICATE-----').length - 1
      ? found
      : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong with a text that should hold certificates in PEM; undefined = nothing. Quotes none of it. */
export function certificateFault(pem: string): string | undefined {
  return readCertificates(pem) === undefined
    ? 'names a file that does not hold certificates in PEM'
    : undefined;
}

/** What is wrong with a text that should hold the private key of the first of these certificates; undefined = nothing. Quotes none of it. */
export function keyFault(pem: string, certificate: string): string | undefined {
  if (/-----BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(pem)) {
    return 'names a file whose key is encrypted: it must hold one that needs no passphrase';
  }
  const key = readKey(pem);
  if (key === undefined) return 'names a file that does not hold a private key in PEM';
  const [own] = readCertificates(certificate) ?? [];
  return own === undefined || own.checkPrivateKey(key)
    ? undefined
    : 'names a file whose key is not that of the certificate';
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
