import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { X509Certificate } from '@peculiar/x509';
import { serverUser } from '#database/embedded/server-user.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** What a certificate says. */
export interface CertificateContent {
  readonly commonName: string;
  readonly names?: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];
  /** Days until it expires; negative = it has. */
  readonly days?: number;
}

/** A certificate and its key, in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** An authority of a test: nobody else trusts it. */
export class TestAuthority {
  readonly pem: string;
  readonly #certificate: X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: X509Certificate, key: webcrypto.CryptoKey) {
    this.pem = certificate.toString('pem');
    this.#certificate = certificate;
    this.#key = key;
  }

  static async create(name: string): Promise<TestAuthority> {
    const { certificate, keys } = await make({ commonName: name, days: 365 }, undefined, true);
    return new TestAuthority(certificate, keys.privateKey);
  }

  /** Vouches for what is said. */
  async issue(content: CertificateContent): Promise<Identity> {
    const issuer = { name: this.#certificate.subject, key: this.#key };
    const { certificate, keys } = await make(content, issuer);
    return { cert: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
  }
}

/** A certificate for which nobody vouches but itself. */
export async function selfSigned(content: CertificateContent): Promise<Identity> {
  const { certificate, keys } = await make(content);
  return { cert: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** Files of one test. Each is replaced in one step, and can be read by a server that runs as somebody else. */
export class TestFiles implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'tidegauge-tls-'));

  constructor() {
    chmodSync(this.dir, 0o755);
  }

  /** Where a file of this name is. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /** Writes a file that only the server's user can read, as PostgreSQL demands of a key; gives its path. */
  write(name: string, text: string): string {
    const [path, draft] = [this.path(name), this.path(`${name}.new`)];
    writeFileSync(draft, text, { mode: 0o600 });
    const user = serverUser(join(this.dir, 'none'));
    if (user !== undefined) chownSync(draft, user.uid, user.gid);
    renameSync(draft, path);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function make(
  { commonName, names = [], days = 90 }: CertificateContent,
  issuer?: { readonly name: string; readonly key: webcrypto.CryptoKey },
  isAuthority = false,
): Promise<{ certificate: X509Certificate; keys: webcrypto.CryptoKeyPair }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const subject = `CN=${commonName}`;
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      subject,
      issuer: issuer?.name ?? subject,
      publicKey: keys.publicKey,
      signingKey: issuer?.key ?? keys.privateKey,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 60 * DAY_MS),
      notAfter: new Date(Date.now() + days * DAY_MS),
      extensions: [
        new BasicConstraintsExtension(isAuthority, undefined, true),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension([...names])] : []),
      ],
    },
    webcrypto,
  );
  return { certificate, keys };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}
