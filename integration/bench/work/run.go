// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package work

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spryd/spry/integration/bench/report"
)

// Run does the work and measures it.
func (t Task) Run() (Result, error) {
	var r Result
	pass, ok := map[string]func() (int64, error){
		"read": t.read, "random": t.random, "exec": t.exec, "find": t.find,
		"demand": func() (int64, error) { return t.demand(&r) },
	}[t.Kind]
	if !ok {
		return Result{}, fmt.Errorf("no kind of work is called %q", t.Kind)
	}
	passes := 1
	if t.Warm {
		passes = 3
		if _, err := pass(); err != nil {
			return Result{}, err
		}
	}
	var seconds []float64
	for range passes {
		start := time.Now()
		var err error
		if r.Units, err = pass(); err != nil {
			return r, err
		}
		seconds = append(seconds, time.Since(start).Seconds())
	}
	r.Seconds = report.Median(seconds)
	return r, nil
}

// read reads the file from start to end, 1 MiB at a time, Count times but
// at least once.
func (t Task) read() (int64, error) {
	var n int64
	for range max(1, t.Count) {
		k, err := readFile(t.Path)
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func readFile(path string) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, 1<<20)
	for {
		k, err := f.Read(buf)
		n += int64(k)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// random reads 4 KiB at Count places, the same ones in every pass.
func (t Task) random() (int64, error) {
	where := rand.New(rand.NewPCG(1, 2))
	return t.readBlocks(func(_ int, blocks int64) int64 { return where.Int64N(blocks) }, nil)
}

// demand reads 4 KiB at Count places and times each, from the end of the file to
// its beginning: what fetches the rest of it begins there.
func (t Task) demand(r *Result) (int64, error) {
	r.Waits = nil
	return t.readBlocks(func(i int, blocks int64) int64 { return blocks * int64(t.Count-1-i) / int64(t.Count) },
		func(waited time.Duration) { r.Waits = append(r.Waits, waited.Seconds()) })
}

// readBlocks reads Count blocks of 4 KiB; place says which the i-th is, and timed, if
// set, is told how long each took.
func (t Task) readBlocks(place func(i int, blocks int64) int64, timed func(time.Duration)) (int64, error) {
	f, err := os.Open(t.Path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 4096)
	blocks := fi.Size() / int64(len(buf))
	if blocks == 0 {
		return 0, fmt.Errorf("%s is smaller than %d bytes", t.Path, len(buf))
	}
	for i := range t.Count {
		at := place(i, blocks) * int64(len(buf))
		var began time.Time
		if timed != nil { // the clock takes time that random reads do not have
			began = time.Now()
		}
		if _, err := f.ReadAt(buf, at); err != nil {
			return 0, err
		}
		if timed != nil {
			timed(time.Since(began))
		}
	}
	return int64(t.Count), nil
}

// exec starts the program Count times and waits for it each time.
func (t Task) exec() (int64, error) {
	for range t.Count {
		if err := exec.Command(t.Path).Run(); err != nil {
			return 0, err
		}
	}
	return int64(t.Count), nil
}

// find looks at the attributes of everything below the folder.
func (t Task) find() (n int64, err error) {
	err = filepath.WalkDir(t.Path, func(_ string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		n++
		_, err = d.Info()
		return err
	})
	return n, err
}
