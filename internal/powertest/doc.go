// Package powertest takes the power from the files of a test, for what must
// outlive that. [Ext4] does it to a file system and takes root; [Watch] needs
// no privilege and leaves of a folder what was synced.
package powertest
