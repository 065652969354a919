// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import "time"

// UsedByOthers has s believe that other processes use so many of two CPUs.
func (s *Scheduler) UsedByOthers(cpus float64) {
	began := time.Now()
	s.idle.cpus, s.idle.left = 2, 2-cpus
	s.idle.read = func() (busy, own time.Duration, err error) {
		passed := time.Since(began)
		return passed + time.Duration(cpus*float64(passed)), passed, nil
	}
}

// Left is how many turns are free, and how many wait for one.
func (t *Turns) Left() (free, waiting int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.free, t.waiting.Len()
}
