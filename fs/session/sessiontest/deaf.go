// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package sessiontest has a keeper of sessions, and FUSE mounts that nobody serves, as a server that was
// killed leaves them.
package sessiontest

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Sizes and values of the protocol (include/uapi/linux/fuse.h).
const (
	headerBytes    = 40
	outHeaderBytes = 16
	initOutBytes   = 64
	opForget       = 2
	opInterrupt    = 36
	opBatchForget  = 42
	parallelDirops = 1 << 18 // who looks up another name has not to wait
)

// Deaf is a mount whose requests are read, and never answered.
type Deaf struct {
	device *os.File
	dir    string
	heard  chan uint32
}

// NewDeaf mounts one on dir, which ends with the test at the latest: then
// whoever waits for it has an error.
func NewDeaf(tb testing.TB, dir string) *Deaf {
	tb.Helper()
	d, err := Mount(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(d.Close)
	return d
}

// Mount is NewDeaf outside of tests.
func Mount(dir string) (*Deaf, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("deaf", dir, "fuse", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	// Go can wait for the device only now that it is mounted.
	d := &Deaf{device: os.NewFile(uintptr(fd), "/dev/fuse"), dir: dir, heard: make(chan uint32, 1000)}
	if err := d.init(); err != nil {
		d.Close()
		return nil, err
	}
	go d.listen()
	return d, nil
}

// Device is the descriptor of the mount, which stays d's.
func (d *Deaf) Device() *os.File { return d.device }

// init answers INIT, protocol 7.31.
func (d *Deaf) init() error {
	request := make([]byte, 1<<20)
	if _, err := d.device.Read(request); err != nil {
		return err
	}
	out := make([]byte, outHeaderBytes+initOutBytes)
	binary.NativeEndian.PutUint32(out, uint32(len(out)))
	copy(out[8:16], request[8:16]) // unique
	body := out[outHeaderBytes:]
	binary.NativeEndian.PutUint32(body, 7)
	binary.NativeEndian.PutUint32(body[4:], 31)
	binary.NativeEndian.PutUint32(body[12:], parallelDirops)
	binary.NativeEndian.PutUint32(body[20:], 1<<17) // max_write
	_, err := d.device.Write(out)
	return err
}

func (d *Deaf) listen() {
	defer close(d.heard)
	request := make([]byte, 1<<20)
	for {
		n, err := d.device.Read(request)
		if err != nil {
			return
		}
		if n < headerBytes {
			continue
		}
		switch opcode := binary.NativeEndian.Uint32(request[4:]); opcode {
		case opForget, opBatchForget, opInterrupt: // nobody waits for these
		default:
			select {
			case d.heard <- opcode:
			default: // that so many came is known
			}
		}
	}
}

// Heard has the opcode of every request that somebody waits for. It is closed
// when the mount has ended.
func (d *Deaf) Heard() <-chan uint32 { return d.heard }

// Close unmounts: all who wait have an error. It may be called again.
func (d *Deaf) Close() {
	_ = unix.Unmount(d.dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	_ = d.device.Close()
}
