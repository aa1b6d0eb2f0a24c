package jsonld

// published are the SHA-256 digests of the contexts as their publishers serve
// them. The embedded files are JSON-equal to those (a test holds it), so a
// relatedResource digest over such a URL is checked against these.
var published = map[string]string{
	"https://www.w3.org/2018/credentials/v1":                     "ab4ddd9a531758807a79a5b450510d61ae8d147eab966cc9a200c07095b0cdcc",
	"https://www.w3.org/ns/credentials/v2":                       "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
	"https://w3id.org/security/data-integrity/v1":                "b5d829bd09aa7c42abc6efa0c8ed7635313b5487f37ccfce3ecd149ca9418554",
	"https://w3id.org/security/data-integrity/v2":                "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
	"https://w3id.org/security/multikey/v1":                      "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
	"https://www.w3.org/ns/credentials/status/v1":                "fda5add353231e6a6884a46b12e6c75464281900cb348284d9c360f62381d9f7",
	"https://w3id.org/vc/status-list/2021/v1":                    "6dd06a52bedb771e059c1083ba8ba7848dce22f6b4a8cfa0b98ba3fc188870e4",
	"https://purl.imsglobal.org/spec/ob/v3p0/context.json":       "b077fa134d909d92c1dcd1c153f2af1b244aeb415967fdc1467d7fc5dd48ac10",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json": "cfc147db5fd5e3575b06bd471fe04784e92de69296f64a351b8dff0ec3372e9c",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json": "bba433989e1e700ca60838a3c22378e7d8381aeb0c9590f9ddf84d1714f10296",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
	"https://purl.imsglobal.org/spec/ob/v3p0/extensions.json":    "146f85aa16effd7ca1da8056eb443f53ce1eca8a34186cb062832c0a97d889c3",
	"https://www.w3.org/ns/did/v1":                               "adefa50311393eb1bd788a38ac9fe2696c65367928f6996812cd54577394f4da",
	"https://w3id.org/security/suites/ed25519-2020/v1":           "67646fbc0d6582ad7fbf08ccf0d3a4bedbb4177fd2d63385de52dc1b092ed6c5",
	"https://w3id.org/security/suites/ed25519-2018/v1":           "166c6abb9e08176cee5f6c87c9c1bbfefa5717da391bcac525e5437f93eab809",
	"https://w3id.org/security/suites/jws-2020/v1":               "d648e05ddc6577827ca2bfd5e931f53e9ebc6e52a57a8da81df4ec8c46ffcd1e",
	"https://w3id.org/security/v1":                               "abaf97e107d1925503c433dcaf3ffd2831697cacc1ed2a293e1bc8030d5bcb47",
	"https://w3id.org/security/v2":                               "611bd81151d5efe53ec9aed78f5a813e577287bc9451ee26d6879b1b8b46bc3b",
}

// published384 are the SHA-384 digests of the same bytes, of which the digests
// for web pages (digestSRI) mostly are.
var published384 = map[string]string{
	"https://www.w3.org/2018/credentials/v1":                     "82c3b3eab863754bbfd2b9f17d8d6db9f61169f301cbf0b05e1fc4beb5f5c51dd4d2e888c274f49c3fbb2408f61faed1",
	"https://www.w3.org/ns/credentials/v2":                       "97f1eb8e5042356c805fdd61afa2c557663785e0794dcafa21e138fd38def18cb360133c221aa31d6896a6bf3e65b614",
	"https://w3id.org/security/data-integrity/v1":                "1f7b51154c2cb596b804d3eedeabb7678c7ea4d36f5201496a681dbd868d5dc0cb90a8839f5142ccdc91fdb92c5adcf2",
	"https://w3id.org/security/data-integrity/v2":                "0ee2d7626717f8b07cd449b525d5e2b71fe27209fc99e53089e0169dd2944d793feea4526fc60bb9cca1cd96512391f6",
	"https://w3id.org/security/multikey/v1":                      "0fa51641d12fb8c701b2e6a9492556f25d32bb4af84a96f11808f0a623b972434dd18a8f1f1865bc68d8ee046c4e5a3e",
	"https://www.w3.org/ns/credentials/status/v1":                "ac0ef813833ebd666b6170a61c5adacc6d7d2f5a040d16c2928e8414d4fa07f64d70313021e02bf4f97bdd123ed9a84e",
	"https://w3id.org/vc/status-list/2021/v1":                    "39cf407ecaeb587a59e2e367384219d14e52d5997624ce61bbc9af4a7e4e3f6205e5d100b4c4e6fd1e19bc37046c5194",
	"https://purl.imsglobal.org/spec/ob/v3p0/context.json":       "cc77157457841319e05ab0d9657fe144150a626c1f0fd89c0e639f58d468edb5513597d9f14459310c86ec6b975b74cc",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json": "acb8cd4635c55885ecc89f33a25dd1750774228b2332e1e46b18f42bcef043aece48cb014416cd087c5762ac09134493",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json": "a447b31e8f6e866d8c6df41f661928823571bd09cd6cd0547ac2fbf5dfca199f5b14ae28b2af2b87c74d3ec1d3e6d32d",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json": "c58d73edcd2c17e701985f918cc8c684485f2c5399ffbddcacb3de5744f090000f244e5f87292c353298accfb0d894e3",
	"https://purl.imsglobal.org/spec/ob/v3p0/extensions.json":    "cf59a4b4b190ae798814ab6bc911c02efde291c386aed1bb11bd5a572d1eb2669bfd87019e994388db504a09ac244d5e",
	"https://www.w3.org/ns/did/v1":                               "cc09b798f1bd332f30fe0faa10c6c55cb1b4a9cbae04865d6a3ddcf7099bbe05b9e9ee982d2afcf782a3005a527bbab7",
	"https://w3id.org/security/suites/ed25519-2020/v1":           "62fd9ac5107c1c2a76567e4c85f210ab5ef3a5f23afe2c92b58a88643dc3612995ec762908c5ab34fde4bd71ac07b4cf",
	"https://w3id.org/security/suites/ed25519-2018/v1":           "2534f079fbec59edaa674cfd3094d0952972a48cc3e8fbe2f84eb24431c3afb5bb41fa385f184f2c9de831347acb7c0c",
	"https://w3id.org/security/suites/jws-2020/v1":               "68ace96e5e688f4ed074ccf4dcd2952e12ae653510047fc0b067707600fa6e061b1ef3ecf15946d452ad4c9fd246173b",
	"https://w3id.org/security/v1":                               "5600a6491c9d259eb3fa605a471d096f51f8821f025e3ac4068743a3d01dc7b68787718620c6cfaca0a3e9c614d6d242",
	"https://w3id.org/security/v2":                               "0389bcd5f3cca9ab75aaed6d240089759f0ccf1f38de5823421196e9ca38633dbbb0b394356a793060dc47dd847a2529",
}
