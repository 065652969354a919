// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package work is what a benchmark does inside a container: reading a file,
// starting a program, walking a tree. The benchmark's own static binary is
// mounted into the container and runs one [Task] each time.
package work

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Task is one kind of work.
type Task struct {
	// Kind is read, random, demand, exec or find.
	Kind string
	// Path is the file to read or start, or the folder to walk.
	Path string
	// Count is how many reads of the whole file (read) or at random places
	// (random), from the end to the beginning (demand), or starts (exec); find
	// ignores it.
	Count int
	// Warm does the work once before it is measured three times.
	Warm bool
}

// Result is the median of the measured times.
type Result struct {
	// Units is the work done in one pass: bytes read, programs started, files
	// looked at.
	Units int64
	// Seconds is how long it took.
	Seconds float64
	// Waits is how long each read took (demand), in seconds, in the last pass.
	Waits []float64 `json:",omitempty"`
}

// Rate is units a second.
func (r Result) Rate() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Units) / r.Seconds
}

// Args are the task as arguments of Main.
func (t Task) Args() []string {
	return []string{t.Kind, t.Path, strconv.Itoa(t.Count), strconv.FormatBool(t.Warm)}
}

// parse is the opposite of Args.
func parse(args []string) (t Task, err error) {
	if len(args) != 4 {
		return t, fmt.Errorf("work %q: want kind, path, count, warm", args)
	}
	t.Kind, t.Path = args[0], args[1]
	if t.Count, err = strconv.Atoi(args[2]); err != nil {
		return t, err
	}
	t.Warm, err = strconv.ParseBool(args[3])
	return t, err
}

// Main does the task that args describe and prints its result; "hold" prints
// READY and never returns.
func Main(args []string, out io.Writer) error {
	if len(args) == 1 && args[0] == "hold" {
		_, _ = fmt.Fprintln(out, "READY")
		for {
			time.Sleep(time.Hour)
		}
	}
	t, err := parse(args)
	if err != nil {
		return err
	}
	r, err := t.Run()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// ParseResult reads what Main has printed.
func ParseResult(out string) (r Result, err error) {
	if err = json.Unmarshal([]byte(out), &r); err != nil {
		return r, fmt.Errorf("result %.200q: %w", out, err)
	}
	return r, nil
}
