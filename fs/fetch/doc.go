// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package fetch decides which transfer from a registry may run next.
//
// One [Scheduler] serves all layers of a host. A transfer asks for a [Lease]
// in its class and holds it for as long as its response body is open:
//
//	demand      a process waits for the bytes now
//	readahead   a sequential reader is about to need them
//	prefetch    an index or a recorded start says they will be needed
//	background  the rest of the layer, so that it becomes whole
//
// Priority is strict: no lease is given to a class while a higher one waits.
// Demand never queues behind the others, because a number of connections is
// reserved for it. Background gives way while demand is active: it gets no new
// lease, and a transfer that runs pauses at its next [Lease.Yield]. When demand ends
// it begins slowly and doubles its rate until it fills the line: a starting container reads
// in bursts, and has better uses for the time between two of them. Demand that does not
// end holds it back no longer than ten seconds like that. Where others leave
// all CPUs none does, and it begins with the full rate. For the first
// seconds it also keeps off CPUs that other processes use, as far as that leaves it any.
//
// A transfer whose bytes became more urgent is promoted ([Lease.Promote]), so
// that a demand read never waits for a background transfer that waits for
// demand to end.
package fetch
