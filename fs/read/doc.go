// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package read answers reads of a layer's files from its store, fetching what
// is missing.
//
// A read of a file is a range of the tar stream, which lies in one span or
// more. Each span is in one of these states:
//
//	missing ──claim──> in flight ──verify, decode──> in memory ──write──> stored
//	   ^                   │                             │
//	   └──── failed ───────┘                             └─ the disk is full: kept in
//	                                                        memory while there is room
//
// Everything that wants a span in flight shares the one fetch of it. Neighbouring missing
// spans are claimed as a run: one request, whose body is verified and decoded
// span by span as it arrives. Waiting readers are answered from the decoded
// buffer; it is written to the store behind them, and freed when it is there
// and nobody copies from it any more.
//
// A run belongs to the [Reader], not to the read that began it: a read that is
// cancelled leaves, the run goes on. A run whose spans are demanded is
// promoted to demand. Runs that are not demand claim their spans only when
// they may begin, so that no read waits for a run that waits for its turn.
//
// # Stage
//
// Making files is what a start's CPU goes to where spans have many small ones.
// While demand is active such spans are written to a [stage] instead, one
// unnamed file, and read from there; when it is calm they are read back, checked,
// and put into the store. They are not in the store until then: who waits for
// that, as background does, waits for it too. [Reader.Flush] does so before an
// orderly end; of a process that is killed they have to be fetched again.
//
// # Failures
//
// A run is one attempt. If it fails, each reader that waited for it decides:
// it is made again until the deadline, and wrong bytes are fetched a few times
// without a pause. Only a span that is right and does not decode is an error at
// once. No failure is remembered: the
// next read tries again. Unverified bytes never leave the run.
//
// # Memory
//
// Spans between request and disk are counted in a [Memory], shared by all
// readers of a host. Demand may use all of it, the other classes three quarters, so
// that demand does not queue behind a slow disk.
//
//	Lock order:
//	  Reader.mu
//	    Memory.mu, the scheduler's lock (leaves)
//	streams.mu and stage.mu are leaves. No I/O is done under any of them, but for
//	the making of the stage and of holes in it.
package read
