// node veramo.js new DIR     writes DIR/veramo.json: a did:peer:2 and its secrets
// node veramo.js judge DIR   opens what DIR/ours.json holds, packs for its DID,
//                            and writes what came of it to DIR/veramo-says.json
//
// @veramo/did-comm, SICPA's didcomm and ours over the same envelopes. Veramo
// departs from DIDComm v2 in two ways: it writes no apv into the header, which
// the standard demands, and it seals and opens authcrypt as draft 3 of ECDH-1PU
// derives keys, not draft 4. To show that nothing else differs, each is mended
// alone: our authcrypt wrapped anew as of draft 3, and envelopes of Veramo's own
// functions with apv put into the header.
import {createHash} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {DIDComm} from '@veramo/did-comm';
import {createJWE} from 'did-jwt';
import {agree, asDraft3} from './ecdh1pu.js';
import {newPeer, peerDocument} from './peer.js';
// Veramo's functions beneath its plugin, which it does not export
const encrypters = await import(new URL('node_modules/@veramo/did-comm/build/encryption/a256kw-encrypters.js', import.meta.url));
const {Message} = createRequire(import.meta.url)('didcomm-node');

const [,, mode, dir] = process.argv;
const read = name => JSON.parse(readFileSync(join(dir, name), 'utf8'));
const write = (name, value) => writeFileSync(join(dir, name), JSON.stringify(value, null, 2), {mode: 0o600});
const recode = (text, from, to) => Buffer.from(text, from).toString(to);
const b64u = text => recode(text, 'utf8', 'base64url');
const agreementKey = did => peerDocument(did).verificationMethod[0];

/** What Veramo's plugin asks of its agent: a resolver, and keys of one DID. */
function agentOf({did, secrets: [secret]}) {
  const keys = [{kid: secret.id, kms: 'local', type: 'X25519', publicKeyHex: recode(secret.privateKeyJwk.x, 'base64url', 'hex')}];
  return {
    resolveDid: async ({didUrl}) => ({didDocument: peerDocument(didUrl.split('#')[0]), didResolutionMetadata: {}, didDocumentMetadata: {}}),
    didManagerGet: async ({did: asked}) => {
      if(asked !== did) { throw new Error(`${asked} is not managed here`); }
      return {did, keys, services: []};
    },
    getDIDComponentById: async ({didDocument, didUrl}) => didDocument.verificationMethod.find(m => m.id === didUrl),
    keyManagerSharedSecret: async ({secretKeyRef, publicKey}) => {
      if(secretKeyRef !== secret.id) { throw new Error(`${secretKeyRef} is not held here`); }
      return agree(secret.privateKeyJwk, recode(publicKey.publicKeyHex, 'hex', 'base64url')).toString('hex');
    }
  };
}

/** A plaintext of a peer's: from it, unless it stays anonymous. */
function plaintext(packing, from, to) {
  return {
    id: 'foreign-1', typ: 'application/didcomm-plain+json', type: 'https://didcomm.org/basicmessage/2.0/message', to: [to],
    ...(packing === 'authcrypt' ? {from} : {}), body: {content: 'from elsewhere'}
  };
}

/** Seals with the functions beneath Veramo's plugin, as it does, and with apv (and apu) in the header. */
async function sealWithApv(packing, enc, peer, to) {
  const {id: kid, publicKeyJwk: {x}} = agreementKey(to);
  const recipient = Uint8Array.from(Buffer.from(x, 'base64url'));
  const [sender] = peer.secrets;
  const apv = createHash('sha256').update(kid).digest('base64url');
  const apu = b64u(sender.id);
  const ecdh = async theirs => Uint8Array.from(agree(sender.privateKeyJwk, recode(theirs, undefined, 'base64url')));
  const anonymous = {'A256CBC-HS512': 'a256cbcHs512AnonEncrypterX25519WithA256KW', A256GCM: 'a256gcmAnonEncrypterX25519WithA256KW', XC20P: 'xc20pAnonEncrypterX25519WithA256KW'};
  const [encrypter, more] = packing === 'anoncrypt' ?
    [encrypters[anonymous[enc]](recipient, kid, apv), {}] :
    [encrypters.a256cbcHs512AuthEncrypterX25519WithA256KW(recipient, ecdh, {kid, apu, apv}), {skid: sender.id, apu}];
  const text = new TextEncoder().encode(JSON.stringify(plaintext(packing, peer.did, to)));
  const jwe = await createJWE(text, [encrypter], {typ: 'application/didcomm-encrypted+json', apv, ...more}, undefined, true);
  jwe.recipients[0].header = {kid}; // it repeats apv there, where nothing protects it
  return JSON.stringify(jwe);
}

/** What a library says of an envelope: the message it opens, or why it does not. */
async function said(f) {
  try { return {message: await f()}; } catch(e) { return {error: String(e.message ?? e)}; }
}

async function judge() {
  const [peer, ours] = [read('veramo.json'), read('ours.json')];
  const [plugin, context] = [new DIDComm(), {agent: agentOf(peer)}];
  const dids = {resolve: async did => peerDocument(did)};
  const secrets = {
    get_secret: async id => peer.secrets.find(s => s.id === id) ?? null,
    find_secrets: async ids => ids.filter(id => peer.secrets.some(s => s.id === id))
  };
  const opened = async envelope => ({
    veramo: await said(async () => (await plugin.unpackDIDCommMessage({message: envelope}, context)).message),
    sicpa: await said(async () => (await Message.unpack(envelope, dids, secrets, {}))[0].as_value())
  });
  const byPlugin = async (packing, enc, to) => (await plugin.packDIDCommMessage({packing, options: {enc}, message: plaintext(packing, peer.did, to)}, context)).message;
  const bySicpa = async (packing, enc, to) => {
    const name = {'A256CBC-HS512': 'A256cbcHs512EcdhEsA256kw', A256GCM: 'A256gcmEcdhEsA256kw', XC20P: 'Xc20pEcdhEsA256kw'}[enc];
    const sender = packing === 'authcrypt' ? peer.did : null;
    return (await new Message(plaintext(packing, peer.did, to)).pack_encrypted(to, sender, null, dids, secrets, {forward: false, enc_alg_anon: name}))[0];
  };

  const says = {opens: {}, seals: {}};
  for(const [packing, envelope] of Object.entries(ours.envelopes)) { says.opens[packing] = await opened(envelope); }
  const sender = agreementKey(ours.did).publicKeyJwk.x;
  says.opens['authcrypt as of draft 3'] = await opened(asDraft3(peer.secrets[0].privateKeyJwk, sender, ours.envelopes.authcrypt));
  const all = [['anoncrypt', 'A256CBC-HS512'], ['anoncrypt', 'A256GCM'], ['anoncrypt', 'XC20P'], ['authcrypt', 'A256CBC-HS512']];
  const sealers = [['Veramo', byPlugin], ['Veramo with apv', (packing, enc, to) => sealWithApv(packing, enc, peer, to)], ['SICPA', bySicpa]];
  for(const [packing, enc] of all) {
    for(const [who, seal] of sealers) {
      says.seals[`${who}, ${packing}, ${enc}`] = {envelope: await seal(packing, enc, ours.did), ...await opened(await seal(packing, enc, peer.did))};
    }
  }
  write('veramo-says.json', says);
}

await {new: async () => write('veramo.json', await newPeer()), judge}[mode]();
