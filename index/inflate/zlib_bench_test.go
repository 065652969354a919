// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// zlibProgram inflates the raw stream in a file, from memory to memory and in
// one call, once for each line that it reads, and prints the nanoseconds that
// took its thread.
const zlibProgram = `
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

int main(int argc, char **argv) {
	FILE *f = fopen(argv[1], "rb");
	size_t in = atol(argv[2]), out = atol(argv[3]);
	unsigned char *src = malloc(in), *dst = malloc(out);
	if (argc != 4 || !f || !src || !dst || fread(src, 1, in, f) != in) return 1;
	for (int c; (c = getchar()) != EOF;) {
		struct timespec a, b;
		z_stream z = {.next_in = src, .avail_in = in, .next_out = dst, .avail_out = out};
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		if (inflateInit2(&z, -15) != Z_OK) return 2;
		int r = inflate(&z, Z_NO_FLUSH);
		inflateEnd(&z);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		if (z.total_out != out || (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)) return 3;
		printf("%lld\n", (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec);
		fflush(stdout);
	}
	return 0;
}
`

// zlib is the program under way.
type zlib struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// newZlib compiles and starts the program. It is an error if there is no C
// compiler or no zlib.
func newZlib(b *testing.B, raw []byte, n int) (*zlib, error) {
	b.Helper()
	dir := b.TempDir()
	source, program, data := filepath.Join(dir, "z.c"), filepath.Join(dir, "z"), filepath.Join(dir, "raw")
	if err := os.WriteFile(source, []byte(zlibProgram), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(data, raw, 0o600); err != nil {
		return nil, err
	}
	if msg, err := exec.Command("cc", "-O2", "-o", program, source, "-lz").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile: %w: %s", err, msg)
	}
	cmd := exec.Command(program, data, fmt.Sprint(len(raw)), fmt.Sprint(n))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("zlib program: %v", err)
		}
	})
	return &zlib{in, bufio.NewReader(out)}, nil
}

// decode is one round.
func (z *zlib) decode() (time.Duration, error) {
	if _, err := io.WriteString(z.in, "\n"); err != nil {
		return 0, err
	}
	var ns int64
	_, err := fmt.Fscanf(z.out, "%d\n", &ns)
	return time.Duration(ns), err
}
