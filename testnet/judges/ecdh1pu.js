// ECDH-1PU+A256KW on Node's own crypto, in both drafts: 4, which DIDComm v2 asks
// for, derives the wrapping key from the content's tag as well; 3 does not.
import {createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman} from 'node:crypto';

const bytes = text => Buffer.from(text, 'base64url');

/** X25519 of a secret JWK and the x of a public one. */
export function agree(secret, x) {
  return diffieHellman({
    privateKey: createPrivateKey({format: 'jwk', key: secret}),
    publicKey: createPublicKey({format: 'jwk', key: {kty: 'OKP', crv: 'X25519', x}})
  });
}

function kek(secret, senderX, head, tag) {
  const number = n => Buffer.from([n >> 24, n >> 16, n >> 8, n]);
  const sized = b => Buffer.concat([number(b.length), b]);
  return createHash('sha256').update(Buffer.concat([
    number(1), agree(secret, head.epk.x), agree(secret, senderX),
    sized(Buffer.from(head.alg)), sized(bytes(head.apu)), sized(bytes(head.apv)), number(256), tag ? sized(tag) : Buffer.alloc(0)
  ])).digest();
}

/** An authcrypt envelope of draft 4 for one recipient, its content key wrapped anew as draft 3 derives it, and nothing else changed. */
export function asDraft3(secret, senderX, envelope) {
  const e = JSON.parse(envelope);
  const head = JSON.parse(bytes(e.protected));
  const iv = Buffer.alloc(8, 0xa6);
  const open = createDecipheriv('id-aes256-wrap', kek(secret, senderX, head, bytes(e.tag)), iv);
  const content = Buffer.concat([open.update(bytes(e.recipients[0].encrypted_key)), open.final()]);
  const wrap = createCipheriv('id-aes256-wrap', kek(secret, senderX, head), iv);
  e.recipients[0].encrypted_key = Buffer.concat([wrap.update(content), wrap.final()]).toString('base64url');
  return JSON.stringify(e);
}
