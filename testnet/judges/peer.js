// did:peer:2 of one X25519 and one Ed25519 key, and documents with keys as JWK,
// which both DIDComm libraries read.
import {webcrypto} from 'node:crypto';
import * as bs58 from 'base58-universal';

const PREFIX = {X25519: 0xec, Ed25519: 0xed};

function multikeyToJwk(multibase) {
  const raw = bs58.decode(multibase.slice(1));
  const crv = Object.keys(PREFIX).find(k => PREFIX[k] === raw[0]);
  return {kty: 'OKP', crv, x: Buffer.from(raw.slice(2)).toString('base64url')};
}

const method = (id, controller, multibase) => ({id, type: 'JsonWebKey2020', controller, publicKeyJwk: multikeyToJwk(multibase)});

/** The document of a did:peer:2 whose elements are an agreement and an authentication key. */
export function peerDocument(did) {
  const [, agreement, authentication] = /^did:peer:2\.E(z\w+)\.V(z\w+)$/.exec(did);
  const [ka, ks] = [`${did}#key-1`, `${did}#key-2`];
  return {
    id: did, keyAgreement: [ka], authentication: [ks], service: [],
    verificationMethod: [method(ka, did, agreement), method(ks, did, authentication)]
  };
}

/** A document with Multikeys, with the same keys as JWK. */
export function withJwks({id, keyAgreement, authentication = [], verificationMethod}) {
  return {id, keyAgreement, authentication, service: [], verificationMethod: verificationMethod.map(m => method(m.id, m.controller, m.publicKeyMultibase))};
}

/** A new did:peer:2 with its document and its secret JWKs, each with its id. */
export async function newPeer() {
  const key = async (name, use) => webcrypto.subtle.exportKey('jwk', (await webcrypto.subtle.generateKey({name}, true, [use])).privateKey);
  const keys = [await key('X25519', 'deriveBits'), await key('Ed25519', 'sign')];
  const [a, s] = keys.map(({crv, x}) => 'z' + bs58.encode(Uint8Array.from([PREFIX[crv], 1, ...Buffer.from(x, 'base64url')])));
  const document = peerDocument(`did:peer:2.E${a}.V${s}`);
  const secrets = document.verificationMethod.map(({id}, i) => {
    const {kty, crv, x, d} = keys[i];
    return {id, type: 'JsonWebKey2020', privateKeyJwk: {kty, crv, x, d}};
  });
  return {did: document.id, document, secrets};
}
