// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"math"
	"time"
)

const (
	// paceFloor is the rate with which background begins when demand has
	// ended, in bytes a second.
	paceFloor = 4 << 20
	// paceDouble is the time in which the rate doubles. A line of 1 Gbit/s is
	// full after five of them, paceLead, when about 25 MB have come.
	paceDouble = 200 * time.Millisecond
	paceLead   = 5 * paceDouble
	// paceRun is the credit with which a transfer begins, in bytes: one of less
	// costs a registry nearly as much (docker/distribution reads 4 MiB of the
	// blob for any range) and comes between the reads of a start.
	paceRun = 4 << 20
	// paceHeld is the longest time for which demand holds background back that comes
	// again and again. That is no start any more, but a program that reads here and
	// there, or a host where one start follows the other: layers have to become whole
	// there too.
	paceHeld = 10 * time.Second
)

// pace is the slow start of background transfers: a container that starts
// reads in bursts, and what background moves between two of them costs it
// line and CPU for bytes that it may not need. So the rate is low right
// after demand and doubles as long as none comes, without an upper bound.
type pace struct {
	ended time.Time     // when demand ended, or is expected
	held  time.Time     // since when demand comes again and again
	since time.Time     // beginning of the slow start
	spent float64       // bytes since then
	lead  time.Duration // counts as passed since: paceLead where nothing starts
}

// restart begins slowly again at now, when demand has ended or, if expected, is going to
// begin, unless it held background back for too long. Then it does so again for what
// is expected, after the same time.
func (p *pace) restart(now time.Time, expected bool) {
	calm := now.Sub(p.ended) >= calmAfter
	held := now.Sub(p.held)
	p.ended = now
	switch {
	case calm || expected && held >= 2*paceHeld:
		p.held = now
	case held >= paceHeld:
		return
	}
	p.since, p.spent, p.lead = now, 0, 0
}

// credit is how many bytes may be spent at now; not more than MaxInt64.
func (p *pace) credit(now time.Time) int64 {
	doublings := float64(now.Sub(p.since)+p.lead) / float64(paceDouble)
	earned := paceScale * (math.Exp2(doublings) - 1)
	return int64(min(earned-p.spent, math.MaxInt64/2))
}

// open says whether there is credit for a transfer at now.
func (p *pace) open(now time.Time) bool { return p.credit(now) >= paceRun }

// opens is how long it takes from now until there is, if there is none.
func (p *pace) opens(now time.Time) time.Duration {
	doublings := math.Log2(1 + (p.spent+paceRun+1)/paceScale)
	return max(time.Duration(doublings*float64(paceDouble))-now.Sub(p.since)-p.lead, 0) + 1
}

// paceScale makes the integral of the rate over time one of bytes.
var paceScale = paceFloor * paceDouble.Seconds() / math.Ln2
