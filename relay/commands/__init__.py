"""What each command of `relay` does; `relay.cli` names them and parses their options."""
