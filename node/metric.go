package node

// metric is what figures have in common that are told apart by labels alone.
type metric struct {
	name string
	// kind is what is counted for it in the journal; empty for one that is
	// computed, from records or from several kinds.
	kind   string
	labels []string // what its parts are told apart by
	total  bool     // whether it has a sum beside its parts
	// of is the metric with the total of which this is another breakdown.
	of string
	// with is the metric without whose parts these parts are not told either.
	with string
	help string
}

// The metrics that are times.
const (
	acceptMedian = "seconds to accept, median"
	decideMedian = "seconds to decide, median"
	openOldest   = "open applications, oldest, seconds"
	openMedian   = "open applications, median age, seconds"
)

// metrics are all there are, in the order in which they are told.
var metrics = []metric{
	happened("offered or signed", "award.made", "Badges that were offered or signed."),
	happened("issued", "award.issued", "Badges that were signed, renewals and claims among them."),
	{name: "issued by month", kind: "award.issued by month", labels: []string{"month"}, of: "issued", help: "Badges that were signed, by month."},
	happened("accepted", "award.held", "Badges that the learner's wallet acknowledged."),
	happened("declined", "award.declined", "Badges that the learner declined."),
	happened("renewed", "award.renewed", "Badges that a version with newer dates took the place of."),
	happened("revoked", "award.revoked", "Badges that were revoked."),
	happened("suspended", "award.suspended", "Badges that were suspended."),
	happened("reinstated", "award.active", "Badges that are suspended no longer."),
	happened("lapsed", "award.lapsed", "Badges that ended by their date."),
	{name: acceptMedian, help: "Time from offer to acknowledgement within which half of the accepted badges were accepted, rounded up to a step such as 60, 600, 86400."},
	happened("applications submitted", "application.submitted", "Applications, each once, by its first submission."),
	{name: "submitted by route", kind: "application.submitted by route", labels: []string{"route"}, of: "applications submitted", help: "Applications, each once, by route."},
	happened("applications resubmitted", "application.resubmitted", "Later revisions of applications that were returned."),
	{name: "resubmitted by route", kind: "application.resubmitted by route", labels: []string{"route"}, of: "applications resubmitted", help: "Later revisions of applications, by route."},
	{name: "evidence kinds used", kind: "evidence kind", labels: []string{"kind"}, help: "Submissions with evidence of a kind."},
	happened("applications returned", "application.returned", "Decisions to return an application."),
	happened("applications accepted", "application.accepted", "Applications that were accepted."),
	happened("applications rejected", "application.rejected", "Applications that were rejected, each once, by the decision before any appeal."),
	happened("applications appealed", "application.appealed", "Rejected applications that went to other reviewers."),
	{name: "appeals decided", kind: "appeal decided", labels: []string{"outcome"}, of: "applications appealed", help: "Appealed applications by what other reviewers decided; accepted ones are among the applications accepted, rejected ones are among those rejected once."},
	happened("applications withdrawn", "application.withdrawn", "Applications that the learner withdrew."),
	happened("reviews", "review.submitted", "Reviews that reviewers signed."),
	{name: decideMedian, help: "Time from a submission or an appeal to its decision within which half of the decisions were made, rounded up to a step such as 60, 600, 86400."},
	{name: "criteria not satisfied", kind: "criterion missed", labels: []string{"criterion"}, total: true, help: "Times that a review found a criterion not satisfied."},
	{name: "endorsements given", kind: "endorsement.given", total: true, help: "Endorsements that this node signed."},
	{name: "endorsements declined", kind: "endorsement.declined", total: true, help: "Requests for an endorsement that were declined."},
	{name: "endorsements withdrawn", kind: "endorsement.withdrawn", total: true, help: "Endorsements that this node took back."},
	{name: "endorsements taken in", kind: "endorsement.taken", total: true, help: "Endorsements of others that were brought in."},
	{name: "agreements that came into force", kind: "agreement.in-force", total: true, help: "Agreements of this node that the partner countersigned."},
	{name: "agreements that ended", kind: "agreement.ended", total: true, help: "Agreements that were ended."},
	{name: "recognised", kind: "recognition.yes by partner", labels: []string{"partner"}, total: true, help: "Badges of partners that were recognised, each once for what it counts as."},
	{name: "not recognised", kind: "recognition.no by partner", labels: []string{"partner"}, total: true, help: "Badges of partners that were not recognised, each once for each reason."},
	{name: "not recognised by reason", kind: "recognition.no by reason", labels: []string{"partner", "reason"}, of: "not recognised", help: "Badges of partners that were not recognised, by partner and reason: level, time, not in force, no rule."},
	{name: "credits in", labels: []string{"partner", "framework"}, with: "recognised", help: "Credit points of partners' badges that this node recognised; those of one unit count once for a learner."},
	{name: "credits out", labels: []string{"framework"}, help: "Credit points of this node's own badges that were issued, which partners could recognise."},
	{name: "presentations verified", kind: "presentation.verified", total: true, help: "Presentations that proved what was asked for."},
	{name: "presentations refused", kind: "presentation.refused", total: true, help: "Presentations that did not."},
	{name: "transcripts", kind: "transcript.issued", total: true, help: "Transcripts that were signed."},
	{name: "applications now", labels: []string{"state"}, of: "applications submitted", help: "Applications by the state in which they are now."},
	{name: openOldest, labels: []string{"state"}, with: "applications now", help: "Age of the oldest application that is open, by its state."},
	{name: openMedian, labels: []string{"state"}, with: "applications now", help: "Age that half of the open applications are at most of, by their state."},
	{name: "renewals", labels: []string{"state"}, help: "Badges whose renewal is due, or overdue."},
	{name: "agreements now", labels: []string{"of", "state"}, help: "Agreements by whose recognition they are about, and where they stand."},
	{name: "learners", help: "Learners who hold a badge of this node."},
	{name: "path begun", labels: []string{"path"}, help: "Learners with a step of a path satisfied by badges of this node; partners' badges are not known here."},
	{name: "path step satisfied", labels: []string{"step"}, help: "Learners with the step satisfied by badges of this node; partners' badges are not known here."},
	{name: "path goal met", labels: []string{"path"}, help: "Learners who met the goal of a path by badges of this node."},
	{name: "role met", labels: []string{"role"}, help: "Learners who fulfil a role today by badges of this node."},
	{name: "role lapsing in 90 days", labels: []string{"role"}, help: "Learners of those who fulfil a role today and will not in 90 days."},
}

// happened is a metric of facts about achievements.
func happened(name, kind, help string) metric {
	return metric{name: name, kind: kind, labels: []string{"achievement"}, total: true, help: help}
}
