// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/log"

	"github.com/spryd/spry/fs/detached"
	"github.com/spryd/spry/fs/erofs"
	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/toc"
)

// erofsName in the root says that this boot can show layers as EROFS images.
const erofsName = "erofs"

// TryErofs says whether layers can be shown as EROFS images with overlays above them
// (Linux 6.12 with EROFS): nil, or why not. The first time after a boot that takes a mount in root
// for a moment, which waits for answers of this process. Call it after loop.Probe(root), which removes
// what is left of one that was killed.
func TryErofs(loop *session.Loop, root string) error {
	boot, err := store.BootID()
	if err != nil {
		return fmt.Errorf("try erofs: %w", err)
	}
	known := filepath.Join(root, erofsName)
	if b, err := os.ReadFile(known); err == nil && string(b) == boot {
		return nil
	}
	if err := tryErofs(loop, root); err != nil {
		return fmt.Errorf("try erofs: %w", err)
	}
	if err := os.WriteFile(known, []byte(boot), 0o600); err != nil {
		log.L.WithError(err).Warn("erofs is tried again at the next start")
	}
	return nil
}

func tryErofs(loop *session.Loop, root string) error {
	tmp, err := os.MkdirTemp(root, session.ProbePattern)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	at, other := filepath.Join(tmp, "m"), filepath.Join(tmp, "lower")
	if err := errors.Join(os.Mkdir(at, 0o700), os.Mkdir(other, 0o700)); err != nil {
		return err
	}
	tree, err := toc.NewTree([]toc.Entry{{Name: "f", Type: toc.Regular, Size: 1, Offset: 512, Mode: 0o600}})
	if err != nil {
		return err
	}
	im, err := erofs.New(tree)
	if err != nil {
		return err
	}
	s, err := loop.Mount(at, node.NewStream(tree, noContent{}, node.Options{}), session.MountOptions{
		Identity: "probe", // so that the keeper answers if this process is killed
		Above:    mountImage(im, filepath.Join(tmp, imageName)),
	})
	if err != nil {
		return err
	}
	overlay, err := detached.Mount("overlay", "lowerdir+="+at, "lowerdir+="+other)
	if err == nil {
		err = overlay.Close()
	}
	return errors.Join(err, s.Unmount())
}

// noContent is never asked.
type noContent struct{}

func (noContent) ReadAt(context.Context, toc.NodeID, []byte, int64) error {
	return errors.New("nothing is read of a probe")
}
