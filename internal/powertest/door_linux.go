package powertest

import (
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// welcome takes in, one after the other, whoever comes to the door.
func (f *Folder) welcome() {
	for {
		conn, err := f.door.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			err = errors.Join(f.takeIn(conn), conn.Close())
		}
		if err != nil {
			f.t.Error("watching a process:", err)
		}
	}
}

func (f *Folder) takeIn(conn *net.UnixConn) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	raw := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), raw)
	if errors.Is(err, io.EOF) || err == nil && n == 0 { // killed before it came to that, or a knock
		return nil
	}
	if err != nil {
		return err
	}
	msgs, err := unix.ParseSocketControlMessage(raw[:n])
	if err != nil {
		return err
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		return err
	}
	err = f.begin()
	f.served.Go(func() { f.serve(fds[0]) })
	if _, gone := conn.Write([]byte{0}); gone != nil && !errors.Is(gone, unix.EPIPE) {
		err = errors.Join(err, gone)
	}
	return err
}

// knock returns when all who came before are taken in.
func (f *Folder) knock() error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: f.door.Addr().String()})
	if err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return errors.Join(err, conn.Close())
	}
	if _, err = conn.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, conn.Close())
}
