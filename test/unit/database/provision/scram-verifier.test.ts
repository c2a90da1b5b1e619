import { describe, expect, it } from 'vitest';
import { isVerifierOf, scramVerifier } from '#database/provision/scram-verifier.ts';

describe('a SCRAM verifier', () => {
  it('is the one of RFC 7677, and of no other password', () => {
    // The example's salt and count; its StoredKey and ServerKey follow from them.
    const kept =
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';

    expect(isVerifierOf(kept, 'pencil')).toBe(true);
    expect(isVerifierOf(kept, 'pencils')).toBe(false);
  });

  it('has a salt of its own each time, and fits what it was made of', () => {
    const [one, other] = [scramVerifier('s3cret'), scramVerifier('s3cret')];

    expect(one).not.toBe(other);
    expect([one, other].map((kept) => isVerifierOf(kept, 's3cret'))).toStrictEqual([true, true]);
    expect(one).not.toContain('s3cret');
  });

  it('takes what looks the same for the same', () => {
    expect(isVerifierOf(scramVerifier('a\u00A0\u00ADb'), 'a b')).toBe(true);
    expect(isVerifierOf(scramVerifier('\u212B'), '\u00C5')).toBe(true);
  });

  it.each([
    null,
    '',
    'md5deadbeef',
    'SCRAM-SHA-256$0:c2FsdA==$YQ==:YQ==',
    'SCRAM-SHA-256$9999999:c2FsdA==$YQ==:YQ==',
  ])('is not %s', (kept) => {
    expect(isVerifierOf(kept, 'pencil')).toBe(false);
  });
});
