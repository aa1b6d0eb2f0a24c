// node core.js DIR [SCHEMAS]: judges every badge that a demo left in DIR, in
// each form, with the Digital Credentials Consortium's verifier-core, against
// DIR/expect.json. SCHEMAS is a folder with the official Open Badges schemas.
//
// verifier-core takes no document loader and no clock. What can be replaced are
// the network and the time under it, so both are, before it is loaded; contexts
// are the ones it brings. What it cannot do here, and why:
//   - did:web over http: its driver asks by https alone, so its question for a
//     loopback node is answered with what that node serves over http;
//   - the schema, without SCHEMAS: it downloads the official one, and no package
//     holds it, so that part stays unsaid and is not judged;
//   - the expiry list: it reads only the list that a badge names;
//   - one verdict: it tells four findings and leaves the conclusion to its caller.
import assert from 'node:assert/strict';
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {Count, extract, filesOf} from './common.js';

const [,, dir, schemas] = process.argv;
const REGISTRY = 'https://registry.example/issuers.json';
const SCHEMA = /^https:\/\/purl\.imsglobal\.org\/spec\/ob\/v3p0\/schema\/json\/(\w+\.json)$/;
const expected = Object.entries(JSON.parse(readFileSync(join(dir, 'expect.json'), 'utf8')));
const files = filesOf(dir);
const served = new Set();

let clock = 0;
globalThis.Date = class extends Date {
  constructor(...args) { super(...(args.length ? args : [clock])); }
  static now() { return clock; }
};
globalThis.fetch = async input => {
  const url = typeof input === 'string' ? input : input.url;
  const body = answer(url);
  if(body === undefined) { throw new TypeError(`there is no network: ${url}`); }
  served.add(url);
  return new Response(body, {headers: {'content-type': 'application/json'}});
};

function answer(url) {
  const schema = SCHEMA.exec(url);
  if(schema && schemas && existsSync(join(schemas, schema[1]))) { return readFileSync(join(schemas, schema[1]), 'utf8'); }
  if(url === REGISTRY) { return JSON.stringify({registry}); }
  return files.get(url) ?? files.get(url.replace(/^https:\/\/localhost:/, 'http://localhost:'));
}

// a registry of issuers that knows Alder alone
const alder = JSON.parse(readFileSync(join(dir, 'did', 'alder.json'), 'utf8'));
const registry = {[alder.id]: {name: 'Alder', url: 'https://alder.example'}};

for(const level of ['log', 'warn', 'error']) { // what it prints about schemas it also returns
  const print = console[level];
  console[level] = (...args) => /^(strict mode:|error checking schema|Error fetching schema)/.test(args[0]) ? undefined : print(...args);
}
const {verifyCredential} = await import('@digitalcredentials/verifier-core');
const count = new Count();

const findings = {
  valid: {valid_signature: true, expiration: true, revocation_status: true},
  revoked: {valid_signature: true, expiration: true, revocation_status: false},
  expired: {valid_signature: true, expiration: false, revocation_status: true}
};

for(const [name, {verdict, at}] of expected) {
  clock = Date.parse(at);
  for(const form of ['json', 'png', 'svg']) {
    await count.check(`${name}.${form} is ${verdict}`, async () => {
      const credential = JSON.parse(extract(join(dir, 'badges', `${name}.${form}`)));
      const said = await verifyCredential({credential, knownDIDRegistries: [{name: 'Partners', type: 'dcc-legacy', url: REGISTRY}]});
      if(verdict === 'forged') {
        assert.deepEqual(said.errors?.map(e => e.name), ['invalid_signature']);
        assert.equal(said.log, undefined);
        return;
      }
      assert.equal(said.errors, undefined, JSON.stringify(said.errors));
      const {registered_issuer, ...found} = Object.fromEntries(said.log.map(e => [e.id, e.valid ?? e.error]));
      assert.deepEqual(found, findings[verdict] ?? assert.fail(`unknown verdict ${verdict}`));
      assert.equal(registered_issuer, credential.issuer.id === alder.id);
      assert.ok(served.has(credential.credentialStatus.statusListCredential), 'the status list was not read');
      if(schemas) { assert.deepEqual(said.additionalInformation[0].results.map(r => r.result), [{valid: true}]); }
    });
  }
}
count.end();
