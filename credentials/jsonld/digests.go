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
