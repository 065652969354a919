// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"bufio"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// TestMemoryOfMountedLayers mounts layers of many files (SPRY_FILES, or 10 000)
// and looks at what that costs: next to nothing before they are used, and
// little heap then.
func TestMemoryOfMountedLayers(t *testing.T) {
	const count = 2
	files := 10_000
	if s := os.Getenv("SPRY_FILES"); s != "" {
		var err error
		if files, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seeds := make([]uint64, count)
	for i := range seeds {
		seeds[i] = uint64(6000 + i)
		given(seeds[i], manyFiles(t, seeds[i], files), nil)
	}
	srv := remotetest.New(t)
	h := start(t, t.TempDir(), throughFUSE)          // so that names are looked up in the index
	h.mount(t, push(t, srv, "other", "", 1), 0, "a") // so that the code is in memory
	img := push(t, srv, "app", "", seeds...)
	withCompact(t, img, untouched)
	anon, file := resident(t)
	for i := range count {
		h.mount(t, img, i, "a")
	}
	idleAnon, idleFile := resident(t)
	// What the image's command needs is still being looked up.
	for deadline := time.Now().Add(10 * time.Second); (idleFile-file)/count > 60*files/1000 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
		idleAnon, idleFile = resident(t)
	}
	for i := range count {
		walked := 0
		err := filepath.WalkDir(h.dir(t, img.desc.Layers[i].Digest), func(_ string, e iofs.DirEntry, err error) error {
			if err == nil {
				_, err = e.Info()
			}
			walked++
			return err
		})
		if err != nil || walked < files {
			t.Fatalf("walked %d files: %v", walked, err)
		}
	}
	usedAnon, usedFile := resident(t)
	h.Rest()
	_, restFile := resident(t)
	if got, most := restFile-file, (usedFile-file)/2; got > most {
		t.Errorf("%d kB of indexes stay in memory of %d, want half at most", got, usedFile-file)
	}
	t.Logf("kB a layer: idle %d anonymous, %d mapped; walked %d anonymous, %d mapped",
		(idleAnon-anon)/count, (idleFile-file)/count, (usedAnon-anon)/count, (usedFile-file)/count)
	if per := (idleFile - file) / count; per > 60*files/1000 {
		t.Errorf("an idle layer of %d files has %d kB of its index in memory", files, per)
	}
	if per := (usedAnon - anon) / count; per > 3000+60*files/1000 {
		t.Errorf("a layer of %d files costs %d kB of heap", files, per)
	}
}

// manyFiles is a layer of n empty files in directories of 100.
func manyFiles(t *testing.T, seed uint64, n int) []byte {
	t.Helper()
	list := make([]remotetest.File, 0, n+n/100)
	for i := range n {
		if i%100 == 0 {
			list = append(list, remotetest.File{Name: fmt.Sprintf("usr/lib/package%03d-%d/", i/100, seed)})
		}
		list = append(list, remotetest.File{Name: fmt.Sprintf("usr/lib/package%03d-%d/source_file_%d.py", i/100, seed, i), Body: "x"})
	}
	return remotetest.Gzip(t, remotetest.Tar(t, list...))
}

// resident is what the process has in memory, in kB, after collecting garbage:
// anonymous pages and pages of mapped files.
func resident(t *testing.T) (anon, file int) {
	t.Helper()
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "RssAnon:":
			anon = n
		case "RssFile:":
			file = n
		}
	}
	return anon, file
}
