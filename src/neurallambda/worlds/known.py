"""What is known of registers at a place in the code."""


class Known:
    """Registers whose value is drawn at a place in the code, and whether it is known to be an integer.

    What is found out in a branch holds there alone: a branch has a child, which looks things up in its parent as well.
    """

    def __init__(self, parent: "Known | None" = None) -> None:
        self.here: dict[int, bool] = {}
        self.parent = parent

    def new_child(self) -> "Known":
        """What is known in a branch."""
        return Known(self if self.here or self.parent is None else self.parent)

    def get(self, register: int) -> bool | None:
        """Whether a register is known to be an integer; None: its value may not be drawn."""
        known: Known | None = self
        while known is not None:
            if register in known.here:
                return known.here[register]
            known = known.parent
        return None

    def __contains__(self, register: int) -> bool:
        return self.get(register) is not None

    def __getitem__(self, register: int) -> bool:
        return bool(self.get(register))

    def __setitem__(self, register: int, is_number: bool) -> None:
        self.here[register] = is_number
