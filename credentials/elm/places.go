package elm

import "strings"

// languages are the official ones of the European Union and some neighbours,
// by their ISO 639-1 codes, as its authority table names them.
var languages = map[string]string{
	"bg": "BUL", "cs": "CES", "da": "DAN", "de": "DEU", "el": "ELL", "en": "ENG", "es": "SPA", "et": "EST", "fi": "FIN", "fr": "FRA", "ga": "GLE", "hr": "HRV",
	"hu": "HUN", "is": "ISL", "it": "ITA", "lt": "LIT", "lv": "LAV", "mk": "MKD", "mt": "MLT", "nl": "NLD", "no": "NOR", "nb": "NOB", "nn": "NNO", "pl": "POL", "pt": "POR",
	"ro": "RON", "sk": "SLK", "sl": "SLV", "sq": "SQI", "sr": "SRP", "sv": "SWE", "tr": "TUR", "uk": "UKR",
}

// countries are those of the European Union and its neighbourhood, by their
// ISO 3166-1 alpha-2 codes (and EL), as the authority table names them.
var countries = map[string]string{
	"AD": "AND", "AL": "ALB", "AT": "AUT", "BA": "BIH", "BE": "BEL", "BG": "BGR", "CH": "CHE", "CY": "CYP", "CZ": "CZE", "DE": "DEU", "DK": "DNK", "EE": "EST", "EL": "GRC",
	"ES": "ESP", "FI": "FIN", "FR": "FRA", "GB": "GBR", "GE": "GEO", "GR": "GRC", "HR": "HRV", "HU": "HUN", "IE": "IRL", "IS": "ISL", "IT": "ITA", "LI": "LIE", "LT": "LTU",
	"LU": "LUX", "LV": "LVA", "MC": "MCO", "MD": "MDA", "ME": "MNE", "MK": "MKD", "MT": "MLT", "NL": "NLD", "NO": "NOR", "PL": "POL", "PT": "PRT", "RO": "ROU", "RS": "SRB",
	"SE": "SWE", "SI": "SVN", "SK": "SVK", "SM": "SMR", "TR": "TUR", "UA": "UKR", "UK": "GBR",
}

// countryOf returns the code of three letters of a country. Any such code is
// taken as it is: the table of all countries is the European Union's to keep.
func countryOf(code string) (string, bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	if c := countries[code]; c != "" {
		return c, true
	}
	return code, len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
