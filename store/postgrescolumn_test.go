package store

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// A column is written as pgx writes an array of the same elements.
func TestColumnsAreWrittenAsArrays(t *testing.T) {
	theirs := pgtype.NewMap()
	for _, c := range []struct {
		oid          uint32
		column, same any
	}{
		{pgtype.Int8ArrayOID, integers{}, []int64{}},
		{pgtype.Int8ArrayOID, integers{0, -1, 1 << 40}, []int64{0, -1, 1 << 40}},
		{pgtype.ByteaArrayOID, blobs{}, [][]byte{}},
		{pgtype.ByteaArrayOID, blobs{{}, {0, 255}, []byte("longer than the others")}, [][]byte{{}, {0, 255}, []byte("longer than the others")}},
		{pgtype.TextArrayOID, words{}, []string{}},
		{pgtype.TextArrayOID, words{"", "NULL", `a "b", {c}`, "خصوصية"}, []string{"", "NULL", `a "b", {c}`, "خصوصية"}},
		{pgtype.TextArrayOID, blobs{[]byte("[]"), []byte("خصوصية")}, []string{"[]", "خصوصية"}},
	} {
		of, _ := theirs.TypeForOID(c.oid)
		before := []byte("before")
		want, err := theirs.Encode(c.oid, pgtype.BinaryFormatCode, c.same, bytes.Clone(before))
		if err != nil {
			t.Fatal(err)
		}
		plan := columns{of.Codec.(*pgtype.ArrayCodec)}.PlanEncode(theirs, c.oid, pgtype.BinaryFormatCode, c.column)
		if got, err := plan.Encode(c.column, before); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v is written\n%x\nand not\n%x, %v", c.column, got, want, err)
		}
	}
}
