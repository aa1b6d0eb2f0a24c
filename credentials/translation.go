package credentials

import (
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// CountsAs returns the achievement that a badge counts as. That is the one it
// names, or, where that is a translation, the original: its id is the
// original's, a slash and its own language, and its related names the original
// (Open Badges 3.0, Related). All of that the issuer signed, and a badge counts
// only by its issuer: who translates somebody else's achievement gains nothing.
func (c Credential) CountsAs() string { return countsAs(c.Achievement()) }

func countsAs(achievement jsondoc.Value) string {
	id, language := text(achievement.Get("id")), text(achievement.Get("inLanguage"))
	original, ok := strings.CutSuffix(id, "/"+language)
	if language == "" || !ok || original == "" {
		return id
	}
	for r := range achievement.Get("related").Elements() {
		if text(r.Get("id")) == original && has(r.Get("type"), "Related") {
			return original
		}
	}
	return id
}

// Awards reports whether the badge is one of an achievement: it names that, or
// a translation of it.
func (c Credential) Awards(achievement string) bool {
	return achievement == c.AchievementID() || achievement == c.CountsAs()
}
