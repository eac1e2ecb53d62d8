package stacks

// idTable turns the ids that a writer gave its table entries into indices.
// Nearly all writers number from 1 without gaps: then there is nothing to
// store. Ids with small gaps get a slice, wild ones (addresses, hashes) a map,
// so that what the table costs follows the number of entries, never an id.
type idTable struct {
	n      int               // entries so far
	dense  []uint32          // id → index+1, 0 for none; nil while ids are 1, 2, 3, …
	sparse map[uint64]uint32 // id → index, for ids that were far beyond dense
}

// sparseCost books a map entry at the emptiest that a map can be, just after
// it doubled, with the half as large one that it came from not yet collected.
const sparseCost = 80

// add numbers the next entry. m is charged for what that takes.
func (t *idTable) add(id uint64, what string, m *meter) error {
	if t.dense == nil && id == uint64(t.n)+1 {
		t.n++
		return nil
	}
	switch _, dup := t.find(id); {
	case id == 0:
		return fail(Malformed, "%s number %d has id 0, which is reserved", what, t.n+1)
	case dup:
		return fail(Malformed, "two %ss have the id %d", what, id)
	}
	// A slice four times too long still costs less than a map.
	if id < 4*uint64(t.n+16) || t.dense == nil {
		if err := t.reach(min(id, 4*uint64(t.n+16)), m); err != nil {
			return err
		}
	}
	if id < uint64(len(t.dense)) {
		t.dense[id] = uint32(t.n) + 1
	} else {
		if err := m.take(sparseCost, "the ids"); err != nil {
			return err
		}
		if t.sparse == nil {
			t.sparse = make(map[uint64]uint32)
		}
		t.sparse[id] = uint32(t.n)
	}
	t.n++
	return nil
}

// reach makes dense long enough for id, and writes out the ids that needed no
// table so far.
func (t *idTable) reach(id uint64, m *meter) error {
	if id < uint64(len(t.dense)) {
		return nil
	}
	size := max(2*len(t.dense), t.n+1, int(id)+1)
	if err := m.take(4*size, "the ids"); err != nil {
		return err
	}
	dense := make([]uint32, size)
	if t.dense == nil {
		for i := range t.n {
			dense[i+1] = uint32(i) + 1
		}
	}
	copy(dense, t.dense)
	t.dense = dense
	return nil
}

// find returns the index of the entry with that id.
func (t *idTable) find(id uint64) (idx uint32, ok bool) {
	if t.dense == nil {
		return uint32(id - 1), id-1 < uint64(t.n) // id 0 wraps round and is not found
	}
	if id < uint64(len(t.dense)) && t.dense[id] != 0 {
		return t.dense[id] - 1, true
	}
	idx, ok = t.sparse[id]
	return idx, ok
}
