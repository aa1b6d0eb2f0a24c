package node

import (
	"maps"
	"slices"
	"strings"

	"github.com/trust-me/trustme/node/catalogue"
)

// creditsIn adds the credits for which partners' badges were recognised here,
// by partner and framework. Behind them are the badges; who knows how many
// points each is worth could tell one framework from the others of a partner,
// so the least group of a partner stands for all.
func (s *Stats) creditsIn(g groups, t tally) {
	least := map[string]int64{}
	of := t["credits in of"]
	for by, n := range of {
		partner, _, _ := strings.Cut(by, " ")
		if had, ok := least[partner]; !ok || n < had {
			least[partner] = n
		}
	}
	for _, by := range slices.Sorted(maps.Keys(of)) {
		partner, _, _ := strings.Cut(by, " ")
		s.add("credits in", by, float64(t["credits in"][by])/millionths)
		g[Figure{Metric: "credits in", By: by}] = least[partner]
	}
}

// creditsOut adds the credits of this node's own badges, which partners could
// recognise: badges issued, renewals and claims of the same badge counted once,
// times the points that the catalogue in force says, by framework. Who knows the
// points could tell a small group among the badges from them, so the least
// group stands for all.
func (n *Node) creditsOut(s *Stats, g groups, t tally) {
	sums, least := map[string]float64{}, map[string]int64{}
	for _, c := range n.catalogues() {
		for slug, a := range c.Achievements.All() {
			if a.Credits == nil {
				continue
			}
			framework, ok := catalogue.CreditFramework(a.Credits.System)
			if !ok {
				continue
			}
			by := c.Slug + "/" + slug
			issued := max(0, t["award.issued"][by]-t["award.renewed"][by]-t["award.rebound"][by])
			sums[framework] = points6(sums[framework] + float64(issued)*a.Credits.Points)
			for _, n := range []int64{issued, t["award.issued"][by], t["award.renewed"][by], t["award.rebound"][by]} {
				if had := least[framework]; n > 0 && (had == 0 || n < had) {
					least[framework] = n
				}
			}
		}
	}
	for _, framework := range slices.Sorted(maps.Keys(sums)) {
		s.add("credits out", framework, sums[framework])
		g[Figure{Metric: "credits out", By: framework}] = least[framework]
	}
}
