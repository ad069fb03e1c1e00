// What the ECP5's cells compute, as Lattice's and Project Trellis' documents say, for netlists of
// Yosys and of nextpnr. Of the PLL only this: its clock is the one it is given, and it is locked.
// An input that a routed netlist leaves open is connected before (esru.flow.routed).

module LUT4 (input A, B, C, D, output Z);
    parameter [15:0] INIT = 0;
    wire [7:0] of8 = D ? INIT[15:8] : INIT[7:0];
    wire [3:0] of4 = C ? of8[7:4] : of8[3:0];
    wire [1:0] of2 = B ? of4[3:2] : of4[1:0];
    assign Z = A ? of2[1] : of2[0];
endmodule

module PFUMX (input ALUT, BLUT, C0, output Z);
    assign Z = C0 ? ALUT : BLUT;
endmodule

module L6MUX21 (input D0, D1, SD, output Z);
    assign Z = SD ? D1 : D0;
endmodule

module esru_ecp5_carry (input A, B, C, D, CIN, output S, COUT);
    parameter [15:0] INIT = 0;
    parameter INJECT = "NO";
    wire passes, pair;
    LUT4 #(.INIT(INIT)) four (.A(A), .B(B), .C(C), .D(D), .Z(passes));
    LUT4 #(.INIT(INIT)) two (.A(A), .B(B), .C(1'b0), .D(1'b0), .Z(pair));
    wire made = INJECT != "YES" && pair;
    assign S = passes ^ (INJECT != "YES" && CIN);
    assign COUT = passes ? CIN : made;
endmodule

module CCU2C (input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
    parameter [15:0] INIT0 = 0;
    parameter [15:0] INIT1 = 0;
    parameter INJECT1_0 = "YES";
    parameter INJECT1_1 = "YES";
    wire carry;
    esru_ecp5_carry #(.INIT(INIT0), .INJECT(INJECT1_0)) low (
        .A(A0), .B(B0), .C(C0), .D(D0), .CIN(CIN), .S(S0), .COUT(carry));
    esru_ecp5_carry #(.INIT(INIT1), .INJECT(INJECT1_1)) high (
        .A(A1), .B(B1), .C(C1), .D(D1), .CIN(carry), .S(S1), .COUT(COUT));
endmodule

module TRELLIS_FF (input CLK, LSR, CE, DI, M, output reg Q);
    parameter GSR = "DISABLED";
    parameter CEMUX = "CE";
    parameter CLKMUX = "CLK";
    parameter LSRMUX = "LSR";
    parameter SRMODE = "LSR_OVER_CE";
    parameter REGSET = "RESET";
    parameter SD = "1";
    wire clock = CLKMUX == "INV" ? ~CLK : CLK;
    wire enable = CEMUX == "1" ? 1'b1 : CEMUX == "0" ? 1'b0 : CEMUX == "INV" ? ~CE : CE;
    wire reset = LSRMUX == "INV" ? ~LSR : LSR;
    wire data = SD == "0" ? M : DI;
    initial Q = REGSET == "SET";
    generate
        if (SRMODE == "ASYNC") begin
            always @(posedge clock, posedge reset)
                if (reset) Q <= REGSET == "SET";
                else if (enable) Q <= data;
        end else begin
            always @(posedge clock)
                if (reset) Q <= REGSET == "SET";
                else if (enable) Q <= data;
        end
    endgenerate
endmodule

module TRELLIS_COMB (
    input A, B, C, D, M, F1, FCI, FXA, FXB, WD, DI0, DI1, WAD0, WAD1, WAD2, WAD3, WRE, WCK,
    output F, FCO, OFX
);
    parameter MODE = "LOGIC";
    parameter [15:0] INITVAL = 0;
    parameter CCU2_INJECT1 = "NO";
    parameter WREMUX = "WRE";
    parameter UPPER = 0;
    generate
        if (MODE == "LOGIC") begin
            LUT4 #(.INIT(INITVAL)) lut (.A(A), .B(B), .C(C), .D(D), .Z(F));
            assign FCO = 1'b0;
        end else if (MODE == "CCU2")
            esru_ecp5_carry #(.INIT(INITVAL), .INJECT(CCU2_INJECT1)) carry (
                .A(A), .B(B), .C(C), .D(D), .CIN(FCI), .S(F), .COUT(FCO));
        else
            esru_no_such_mode mode ();
    endgenerate
    assign OFX = UPPER ? (M ? FXB : FXA) : (M ? F1 : F);
endmodule

module TRELLIS_IO (inout B, input I, T, IOLDO, IOLTO, output O);
    parameter DIR = "INPUT";
    parameter DATAMUX_ODDR = "PADDO";
    parameter DATAMUX_MDDR = "PADDO";
    generate
        if (DATAMUX_ODDR != "PADDO" || DATAMUX_MDDR != "PADDO")
            esru_no_such_mode mode ();
        if (DIR == "INPUT")
            assign O = B;
        else if (DIR == "OUTPUT")
            assign B = I;
        else
            esru_no_such_mode mode ();
    endgenerate
endmodule

module DCCA (input CLKI, CE, output CLKO);
    assign CLKO = CLKI;
endmodule

module EHXPLLL (
    input CLKI, CLKFB, RST, STDBY, ENCLKOP, PLLWAKESYNC,
    input PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    output CLKOP, LOCK
);
    parameter CLKI_DIV = 1;
    parameter CLKFB_DIV = 1;
    parameter CLKOP_DIV = 1;
    parameter CLKOP_CPHASE = 0;
    parameter CLKOP_FPHASE = 0;
    parameter CLKOP_ENABLE = "ENABLED";
    parameter FEEDBK_PATH = "CLKOP";
    parameter PLLRST_ENA = "DISABLED";
    parameter INTFB_WAKE = "DISABLED";
    parameter STDBY_ENABLE = "DISABLED";
    parameter DPHASE_SOURCE = "DISABLED";
    parameter OUTDIVIDER_MUXA = "DIVA";
    assign CLKOP = CLKI;
    assign LOCK = 1'b1;
endmodule
